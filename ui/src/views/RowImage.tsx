// A whole row, column by column, with what differs from another moment marked.
import type {JSX} from 'preact';
import type {Json, Row} from '../base/types';
import {SafeText, Value} from '../entries/Value';
import {fieldName} from '../entries/words';
import {t} from '../i18n';

// What an application's JSON column holds is shown member by member, as its screens do.
function isMembers(value: Json | undefined): value is {[name: string]: Json} {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0 && !('unknown' in value);
}

function memberName(name: string, value: Json): string {
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && typeof value['label'] === 'string') return value['label'];
  return name.replaceAll('_', ' ');
}

function Cell({field, value}: {field: string; value: Json | undefined}): JSX.Element {
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && value['unknown'] === true)
    return <span class="value-none">{t('value.unknown')}</span>;
  if (!isMembers(value)) return <Value field={field} value={value} />;
  return (
    <dl class="members">
      {Object.entries(value).map(([name, member]) => (
        <div key={name}><dt title={name}><SafeText text={memberName(name, member)} /></dt><dd><Value field={name} value={member} /></dd></div>
      ))}
    </dl>
  );
}

const same = (a: Json | undefined, b: Json | undefined): boolean => JSON.stringify(a) === JSON.stringify(b);

export function RowImage({row, masked, against, caption}: {row: Row; masked: string[]; against?: Row | undefined; caption: string}): JSX.Element {
  return (
    <table class="row-image">
      <caption class="visually-hidden">{caption}</caption>
      <tbody>
        {Object.entries(row).map(([field, value]) => {
          const differs = against !== undefined && !same(value, against[field]);
          return (
            <tr key={field} class={differs ? 'differs' : ''}>
              <th scope="row" title={field}>{fieldName(field)}</th>
              <td>
                <Cell field={field} value={value} />
                {masked.includes(field) && ' '}
                {masked.includes(field) && <span class="badge quiet">{t('diff.masked')}</span>}
                {differs && <span class="badge differs-badge">{t('row.differs_from_now')}</span>}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
