// An entry's changes as people look at them: renamed variables found, housekeeping told apart.
import type {Change, Entry, Json} from '../base/types';

// Columns that change by themselves all the time, where the entry does not say so itself.
const HOUSEKEEPING = new Set([
  'updated_at', 'inserted_at', 'last_message_at', 'last_communication_at', 'last_message_number', 'is_org_read',
  'is_org_replied', 'is_contact_replied',
]);

export interface ShownChange extends Change {
  renamedFrom?: Change; // the same value stood at another place inside the JSON before
}

function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  return a !== undefined && b !== undefined && JSON.stringify(a) === JSON.stringify(b);
}

// A place inside a JSON column that went and one that came with the same value: it was renamed.
export function withRenames(changes: Change[]): ShownChange[] {
  const gone = changes.filter(each => each.path !== undefined && each.old !== undefined && each.new === undefined && !each.masked);
  const used = new Set<Change>();
  const out: ShownChange[] = [];
  for (const change of changes) {
    const came = change.path !== undefined && change.new !== undefined && change.old === undefined && !change.masked;
    const from = came ? gone.find(each => !used.has(each) && each.field === change.field && sameJson(each.old, change.new)) : undefined;
    if (from) used.add(from);
    out.push(from ? {...change, renamedFrom: from} : change);
  }
  return out.filter(each => !used.has(each));
}

export function isHousekeepingField(change: Change): boolean {
  return HOUSEKEEPING.has(change.field);
}

// The changes that the sentence is about, and the rest, which the details show.
export function splitChanges(entry: Entry): {told: ShownChange[]; aside: ShownChange[]} {
  const all = withRenames(entry.changes ?? []);
  if (entry.housekeeping) return {told: all, aside: []};
  const told = all.filter(each => !isHousekeepingField(each));
  if (told.length === 0) return {told: all, aside: []};
  return {told, aside: all.filter(isHousekeepingField)};
}

// Why, as whoever did it said.
export function reasonOf(entry: Entry): string | undefined {
  const detail = typeof entry.detail === 'object' && entry.detail !== null && !Array.isArray(entry.detail) ? entry.detail : {};
  const reason = entry.context?.['reason'] ?? detail['reason'];
  return typeof reason === 'string' && reason !== '' && entry.kind !== 'gap' && entry.kind !== 'control' ? reason : undefined;
}

export function entryTime(entry: Entry): Date {
  return new Date(entry.tx?.committed_at ?? entry.received_at);
}

export function isChange(entry: Entry): boolean {
  return ['insert', 'update', 'delete', 'truncate', 'baseline'].includes(entry.kind);
}
