// The usual questions as menus: who, what, by which way, when. Each choice is a part of the search.
import type {JSX} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {SafeText} from '../entries/Value';
import {searchWord, viaName} from '../entries/actor';
import {fieldName, tableName} from '../entries/words';
import {formatNumber, t} from '../i18n';
import {Icon, viaIcon, type IconName} from '../widgets/Icon';
import {MaskedHint} from '../widgets/Masked';
import {Popover} from '../widgets/Menu';
import {counted} from './completion';
import {toggleValue, valueOf} from './terms';

interface Choice {
  value: string;
  label: string;
  count?: number;
  icon?: IconName;
}

const VIAS = ['app', 'flow', 'job', 'import', 'trigger', 'sql', 'undo', 'unknown'];

function whenChoices(): Choice[] {
  return [
    {value: '>=now-1h', label: t('search.last_hour')},
    {value: '>=now-24h', label: t('search.last_day')},
    {value: '>=now-7d', label: t('search.last_days', {n: 7})},
    {value: '>=now-30d', label: t('search.last_days', {n: 30})},
  ];
}

function opChoices(): Choice[] {
  return [{value: 'create', label: t('filter.op.create')}, {value: 'modify', label: t('filter.op.modify')}, {value: 'remove', label: t('filter.op.remove')}];
}

// What is known is there at once; the rest is asked.
type Load = () => Choice[] | Promise<Choice[]>;

function Choices({load, chosen, onChoose}: {load: Load; chosen: string | undefined; onChoose: (value: string) => void}): JSX.Element {
  const [loading] = useState(load);
  const [choices, setChoices] = useState(Array.isArray(loading) ? loading : undefined);
  useEffect(() => { void Promise.resolve(loading).then(setChoices); }, []);
  if (!choices) return <p class="note">{t('state.loading')}</p>;
  if (choices.length === 0) return <p class="note">{t('filter.none')}</p>;
  return (
    <ul class="choices">
      {choices.map(choice => (
        <li key={choice.value}>
          <button type="button" aria-pressed={chosen === choice.value} onClick={() => onChoose(choice.value)}>
            {choice.icon && <Icon name={choice.icon} size={16} />}
            <span><SafeText text={choice.label} /></span>
            {choice.count !== undefined && <span class="count">{formatNumber(choice.count)}</span>}
          </button>
        </li>
      ))}
    </ul>
  );
}

export function Filters({q, onSearch}: {q: string; onSearch: (q: string) => void}): JSX.Element {
  const menus: {key: string; label: string; load: Load}[] = [
    {key: 'actor', label: t('filter.who'), load: async () => (await counted('actor')).map(each => ({value: searchWord(each.label), label: each.label, count: each.count}))},
    {key: 'field', label: t('filter.field'), load: async () => (await counted('field')).map(each => ({value: each.key, label: fieldName(each.key), count: each.count}))},
    {key: 'via', label: t('filter.via'), load: () => VIAS.map(via => ({value: via, label: viaName(via), icon: viaIcon(via)}))},
    {key: 'created', label: t('filter.when'), load: whenChoices},
    {key: 'op', label: t('filter.op'), load: opChoices},
    {key: 'table', label: t('filter.table'), load: async () => (await counted('table')).map(each => ({value: each.key.replace(/^public\./, ''), label: tableName(each.key), count: each.count}))},
  ];
  return (
    <div class="filters" role="group" aria-label={t('filter.label')}>
      {menus.map(menu => {
        const chosen = valueOf(q, menu.key);
        return (
          <Popover key={menu.key} className={`button small ${chosen === undefined ? '' : 'chosen'}`} label={<>{menu.label} <Icon name="down" size={14} /></>}>
            {close => <Choices load={menu.load} chosen={chosen} onChoose={value => { close(); onSearch(toggleValue(q, menu.key, value)); }} />}
          </Popover>
        );
      })}
      <MaskedHint />
    </div>
  );
}
