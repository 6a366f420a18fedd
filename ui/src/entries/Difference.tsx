// What was and what is: in a sentence, and as a table.
import type {JSX} from 'preact';
import type {Change} from '../base/types';
import {t} from '../i18n';
import type {ShownChange} from './changes';
import {textDifference} from './textdiff';
import {Now, SafeText, Value, Was} from './Value';
import {changeName, shortChangeName} from './words';

const WORTH_MARKING = 24;

interface Side {
  change: Change;
  brief: boolean;
  seq: number | undefined; // of the entry; undefined: of none
}

function OldSide({change, brief, seq}: Side): JSX.Element {
  if (change.unknown) return <span class="value-none">{t('value.unknown')}</span>;
  return <Value field={change.field} value={change.old} brief={brief} seq={seq} />;
}

function NewSide({change, brief, seq}: Side): JSX.Element {
  if (change.new_unknown) return <span class="value-none">{t('value.unknown')}</span>;
  return <Value field={change.field} value={change.new} brief={brief} seq={seq} />;
}

const hasOld = (change: Change): boolean => change.unknown === true || change.old !== undefined;
const hasNew = (change: Change): boolean => change.new_unknown === true || change.new !== undefined;

// "9198******78 → 9198******32"
export function BriefDifference({change, seq}: {change: ShownChange; seq: number}): JSX.Element {
  if (change.renamedFrom)
    return <span class="difference"><Was><SafeText text={shortChangeName(change.renamedFrom)} /></Was>{' → '}<Now><SafeText text={shortChangeName(change)} /></Now> <span class="note">{t('diff.renamed')}</span></span>;
  return (
    <span class="difference">
      {hasOld(change) && <Was><OldSide change={change} brief seq={seq} /></Was>}
      {hasOld(change) && hasNew(change) && <span aria-hidden="true"> → </span>}
      {hasNew(change) && <Now><NewSide change={change} brief seq={seq} /></Now>}
      {hasOld(change) && !hasNew(change) && <span class="note"> {t('diff.removed')}</span>}
    </span>
  );
}

// Long texts that have much in common, with what differs marked inside.
function MarkedText({before, after}: {before: string; after: string}): JSX.Element | null {
  const pieces = textDifference(before, after);
  if (!pieces) return null;
  return (
    <p class="marked-text">
      {pieces.map((piece, i) =>
        piece.kind === 'same' ? <SafeText key={i} text={piece.text} />
        : piece.kind === 'gone' ? <Was key={i}><SafeText text={piece.text} /></Was>
        : <Now key={i}><SafeText text={piece.text} /></Now>)}
    </p>
  );
}

function isLongText(change: Change): change is Change & {old: string; new: string} {
  return typeof change.old === 'string' && typeof change.new === 'string' && !change.masked &&
    Math.min(change.old.length, change.new.length) >= WORTH_MARKING && /\s/.test(change.old);
}

export function DifferenceTable({changes, caption, seq}: {changes: ShownChange[]; caption: string; seq?: number | undefined}): JSX.Element {
  const anyOld = changes.some(hasOld), anyNew = changes.some(hasNew);
  return (
    <table class="differences">
      <caption class="visually-hidden">{caption}</caption>
      <thead>
        <tr>
          <th scope="col">{t('diff.field')}</th>
          {anyOld && <th scope="col">{t('diff.was')}</th>}
          {anyNew && <th scope="col">{t('diff.now')}</th>}
        </tr>
      </thead>
      <tbody>
        {changes.map((change, i) => {
          const marked = isLongText(change) ? <MarkedText before={change.old} after={change.new} /> : null;
          const isMarked = isLongText(change) && textDifference(change.old, change.new) !== undefined;
          return (
            <tr key={i}>
              <th scope="row">
                <SafeText text={changeName(change)} />
                {change.masked && <span class="badge quiet">{t('diff.masked')}</span>}
                {change.renamedFrom && <span class="badge quiet">{t('diff.renamed')}</span>}
              </th>
              {isMarked && anyOld && anyNew
                ? <td colSpan={2}>{marked}</td>
                : <>
                    {anyOld && <td data-label={t('diff.was')}>{change.renamedFrom
                      ? <Was><SafeText text={changeName(change.renamedFrom)} /></Was>
                      : hasOld(change) ? <Was><OldSide change={change} brief={false} seq={seq} /></Was> : <span class="value-none">{t('value.absent')}</span>}</td>}
                    {anyNew && <td data-label={t('diff.now')}>{change.renamedFrom
                      ? <Now><SafeText text={changeName(change)} /></Now>
                      : hasNew(change) ? <Now><NewSide change={change} brief={false} seq={seq} /></Now> : <span class="value-none">{t('value.absent')}</span>}</td>}
                  </>}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
