// Who looked at what: what an access entry says, and looks again and again as one. Pure.
import type {AccessDetail, Entry} from '../base/types';

export interface Look {
  how: 'unmasked' | 'who_looked' | 'evidence' | 'row' | 'exported' | 'taken_away' | 'searched' | 'read';
  reader: string;
  route: string;
  table: string;
  key: string;
  query: string;
  fields: string[]; // shown in full
  reason: string;
}

const SEARCHING = new Set(['entries', 'entries.stream', 'insights', 'insights.changes']);

function howOf({fields, route, key, query}: Omit<Look, 'how'>): Look['how'] {
  if (fields.length > 0) return 'unmasked';
  if (key !== '') return route === 'access' ? 'who_looked' : route === 'evidence' ? 'evidence' : 'row';
  if (query !== '' && route === 'exports') return 'exported';
  if (query !== '' && route === 'exports.data') return 'taken_away';
  return query !== '' && SEARCHING.has(route) ? 'searched' : 'read';
}

export function lookOf(entry: Entry): Look {
  const detail = (typeof entry.detail === 'object' && entry.detail !== null && !Array.isArray(entry.detail) ? entry.detail : {}) as AccessDetail;
  const {reader, route = '', table = '', key = '', query = '', unmasked = [], reason = ''} = detail;
  const said = {reader: reader?.name || reader?.id || '', route, table, key, query, fields: unmasked, reason};
  return {...said, how: howOf(said)};
}

// One visit of a page asks several questions: the list and what arrives, a row's story and its past.
function purposeOf(entry: Entry): string {
  const {how, reader, route, table, key, query, fields, reason} = lookOf(entry);
  const who = (entry.detail as AccessDetail | undefined)?.reader?.id ?? reader;
  return JSON.stringify(how === 'read' ? [who, how, route.startsWith('exports') ? route : route.split('.')[0], table] : [who, how, table, key, how === 'row' ? '' : query, fields, reason]);
}

const APART_MS = 10 * 60_000;

const timeOf = (entry: Entry): number => new Date(entry.received_at).getTime();

// Newest first. The looks of one person with one purpose, of which none is far from the next, stand together at the
// newest of them.
export function foldLooks(entries: Entry[]): Entry[][] {
  const folds: Entry[][] = [];
  const latest = new Map<string, Entry[]>();
  for (const entry of entries) {
    const purpose = purposeOf(entry);
    const fold = latest.get(purpose);
    if (fold && timeOf(fold[fold.length - 1]!) - timeOf(entry) <= APART_MS) {
      fold.push(entry);
    } else {
      const begun = [entry];
      folds.push(begun);
      latest.set(purpose, begun);
    }
  }
  return folds;
}
