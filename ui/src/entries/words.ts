// Names of tables, columns and values as people say them. The message files know those of the presets; others are made
// readable.
import {labelOfValue} from '../base/labels';
import type {Change, Entry, Json, Row} from '../base/types';
import {known, knownPlural, t} from '../i18n';

// "optin_time" to "optin time"
function humanise(name: string): string {
  return name.replaceAll('_', ' ').trim() || name;
}

export function bareTable(table: string): string {
  return table.startsWith('public.') ? table.slice(7) : table;
}

// One of a table's rows: "contact".
export function rowNoun(table: string): string {
  return knownPlural(`table.${bareTable(table)}`, 1) ?? t('table.row_of', {table: humanise(bareTable(table))});
}

// "1,204 contacts"
export function countOfRows(table: string, n: number): string {
  const count = knownPlural(`count.${bareTable(table)}`, n);
  return count ?? t('count.rows_of', {n, table: humanise(bareTable(table))});
}

export function tableName(table: string): string {
  return knownPlural(`table.${bareTable(table)}`, 2) ?? humanise(bareTable(table));
}

export function fieldName(field: string): string {
  return known(`field.${field}`) ?? humanise(field);
}

function pointerParts(path: string): string[] {
  return path.split('/').slice(1).map(part => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

// "fields › age group": a variable's "value" goes without saying.
export function changeName(change: Change): string {
  if (change.path === undefined || change.path === '') return fieldName(change.field);
  const parts = pointerParts(change.path);
  if (parts.length > 1 && parts[parts.length - 1] === 'value') parts.pop();
  return [fieldName(change.field), ...parts.map(humanise)].join(' › ');
}

// The last part of it: the variable's own name.
export function shortChangeName(change: Change): string {
  return changeName(change).split(' › ').pop()!;
}

// A value's word, when it has one: "blocked" of status, true, what a number stands for, or stood for in entry `seq`.
export function valueWord(field: string, value: Json, seq?: number): string | undefined {
  if (typeof value === 'boolean') return t(value ? 'value.yes' : 'value.no');
  const label = typeof value === 'string' || typeof value === 'number' ? labelOfValue(field, String(value), seq) : undefined;
  if (label !== undefined) return label;
  if (typeof value === 'string') return known(`word.${field}.${value}`);
  return undefined;
}

const NAME_COLUMNS = ['name', 'label', 'title', 'full_name', 'display_name'];

function nameIn(row: Row | undefined): string | undefined {
  for (const column of NAME_COLUMNS) {
    const value = row?.[column];
    if (typeof value === 'string' && value !== '') return value;
  }
  return undefined;
}

// What a row is called, as far as the reader may know: from the row beside the entry, or from its changes.
export function rowLabel(entry: Entry): string | undefined {
  const fromImages = nameIn(entry.after) ?? nameIn(entry.before);
  if (fromImages !== undefined) return fromImages;
  for (const column of NAME_COLUMNS) {
    const change = entry.changes?.find(each => each.field === column && each.path === undefined);
    const value = change?.new ?? change?.old;
    if (typeof value === 'string' && value !== '') return value;
  }
  return undefined;
}

export function labelOf(row: Row | undefined): string | undefined {
  return nameIn(row);
}
