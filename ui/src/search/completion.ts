// What may come next in a search: keys with what they mean, values that the log has, people, columns.
import {address, getJson} from '../base/api';
import type {Entry, Insight, Json} from '../base/types';
import {searchWord, viaName} from '../entries/actor';
import {fieldName, tableName} from '../entries/words';
import {known, t, type MessageKey} from '../i18n';
import {isoDay} from '../i18n/time';

export interface Suggestion {
  insert: string; // in place of the word at the caret
  label: string;
  hint: string;
  whole: boolean; // a space follows: the part is complete
}

const KEYS = ['actor', 'field', 'via', 'created', 'table', 'key', 'op', 'new', 'old', 'value', 'trust', 'is', 'reason', 'role', 'request', 'tx', 'kind', 'changes', 'org'] as const;
const FIXED: Record<string, readonly string[]> = {
  op: ['create', 'modify', 'remove', 'truncate'],
  via: ['app', 'job', 'flow', 'import', 'trigger', 'sql', 'undo', 'unknown'],
  trust: ['verified', 'claimed', 'database', 'unknown'],
  is: ['housekeeping', 'unattributed', 'bulk', 'forged', 'undone', 'alerted', 'first-time'],
  kind: ['baseline', 'insert', 'update', 'delete', 'truncate', 'schema', 'gap', 'control', 'access', 'erase'],
};
const MOST = 8;

interface Counted {
  key: string;
  label: string;
  count: number;
}
const answers = new Map<string, Promise<Counted[]>>();

// People, fields or tables that the log has, most frequent first. Asked once a page's life.
export function counted(by: 'actor' | 'field' | 'table'): Promise<Counted[]> {
  let found = answers.get(by);
  if (!found) {
    found = getJson<Insight>(address('/v1/insights/changes', {by, limit: 100})).then(
      // Without a key: nobody is known.
      answer => answer.buckets.filter(bucket => bucket.key !== '').map(({key, label, count}) => ({key, label: label ?? key, count})),
      () => {
        answers.delete(by);
        return [];
      });
    answers.set(by, found);
  }
  return found;
}

export function forgetCounted(): void {
  answers.clear();
}

// The word at the caret: from the last space outside of quotes.
export function wordAt(text: string, caret: number): {start: number; word: string} {
  let start = 0, quoted = false;
  for (let i = 0; i < caret; ++i) {
    if (text[i] === '"') quoted = !quoted;
    else if (!quoted && /[\s(]/.test(text[i]!)) start = i + 1;
  }
  return {start, word: text.slice(start, caret)};
}

const fits = (typed: string, ...names: string[]): boolean => names.some(name => name.toLowerCase().includes(typed.toLowerCase()));

async function valuesFor(key: string, seen: Entry[]): Promise<{value: string; label: string; hint: string}[]> {
  const fixed = FIXED[key];
  if (fixed) return fixed.map(value => ({value, label: value, hint: key === 'via' ? viaName(value) : known(`search.${key}.${value}`) ?? ''}));
  switch (key) {
    case 'actor': return (await counted('actor')).map(({key: id, label, count}) => ({value: searchWord(label), label, hint: t('search.seen', {n: count, id})}));
    case 'field': {
      const all = await counted('field');
      if (all.length === 0) return [...new Set(seen.flatMap(entry => (entry.changes ?? []).map(change => change.field)))].map(field => ({value: field, label: field, hint: fieldName(field)}));
      return all.map(({key: field, count}) => ({value: field, label: field, hint: `${fieldName(field)} · ${t('count.changes', {n: count})}`}));
    }
    case 'table': return (await counted('table')).map(({key: table, count}) => ({value: table.replace(/^public\./, ''), label: table.replace(/^public\./, ''), hint: `${tableName(table)} · ${t('count.changes', {n: count})}`}));
    case 'created': {
      const today = new Date();
      return [
        {value: isoDay(today), label: isoDay(today), hint: t('time.today')},
        {value: isoDay(new Date(today.getTime() - 86_400_000)), label: isoDay(new Date(today.getTime() - 86_400_000)), hint: t('time.yesterday')},
        {value: '>=now-1h', label: '>=now-1h', hint: t('search.last_hour')},
        {value: '>=now-7d', label: '>=now-7d', hint: t('search.last_days', {n: 7})},
        {value: '>=now-30d', label: '>=now-30d', hint: t('search.last_days', {n: 30})},
      ];
    }
    default: return seenValues(key, seen);
  }
}

// Values that stand on the page already, and which the reader has seen therefore.
function seenValues(key: string, entries: Entry[]): {value: string; label: string; hint: string}[] {
  const values = new Map<string, string>();
  const add = (value: Json | undefined, hint: string): void => {
    if (typeof value === 'string' && value !== '' && value.length <= 60) values.set(value, hint);
  };
  for (const entry of entries) {
    if (key === 'key') for (const part of Object.values(entry.key ?? {})) add(part, '');
    if (key === 'role') add(entry.db?.role, '');
    if (key === 'reason') add(entry.context?.['reason'], '');
    if (key === 'request') add(entry.context?.['request_id'], '');
    if (key === 'tx') add(entry.tx?.xid, '');
    if (key === 'org') add(entry.tenant, '');
    const [side, field] = key.split('.') as [string, string | undefined];
    if (side !== 'new' && side !== 'old' && side !== 'value') continue;
    for (const change of entry.changes ?? []) {
      if (change.masked || (field !== undefined && change.field !== field)) continue;
      if (side !== 'old') add(change.new, fieldName(change.field));
      if (side !== 'new') add(change.old, fieldName(change.field));
    }
  }
  return [...values].slice(0, 50).map(([value, hint]) => ({value: searchWord(value), label: value, hint}));
}

export async function complete(word: string, seen: Entry[]): Promise<Suggestion[]> {
  const minus = word.startsWith('-') ? '-' : '';
  const bare = word.slice(minus.length);
  const colon = bare.indexOf(':');
  if (colon >= 0) {
    const key = bare.slice(0, colon).toLowerCase();
    const before = bare.slice(0, colon + 1), list = bare.slice(colon + 1);
    const comma = list.lastIndexOf(',') + 1;
    const typed = list.slice(comma).replace(/^"/, '');
    return (await valuesFor(key, seen)).filter(each => fits(typed, each.value, each.label, each.hint)).slice(0, MOST)
      .map(each => ({insert: `${minus}${before}${list.slice(0, comma)}${each.value}`, label: each.label, hint: each.hint, whole: true}));
  }
  const keys: Suggestion[] = KEYS.filter(key => bare === '' || key.startsWith(bare.toLowerCase()))
    .map(key => ({insert: `${minus}${key}:`, label: `${minus}${key}:`, hint: t(`search.key.${key}` as MessageKey), whole: false}));
  if (bare.length < 2) return keys.slice(0, MOST);
  const people = (await counted('actor')).filter(each => fits(bare, each.label)).slice(0, 4)
    .map(each => ({insert: `${minus}actor:${searchWord(each.label)}`, label: each.label, hint: t('search.person'), whole: true}));
  const fields = (await counted('field')).filter(each => fits(bare, each.key, fieldName(each.key))).slice(0, 4)
    .map(each => ({insert: `${minus}field:${each.key}`, label: fieldName(each.key), hint: t('search.field_changed'), whole: true}));
  return [...keys, ...people, ...fields].slice(0, MOST);
}
