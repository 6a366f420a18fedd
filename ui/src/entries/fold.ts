// Bulk work and housekeeping fold into one line each. Pure: entries in, lines out.
import type {Entry} from '../base/types';
import {isChange} from './changes';

export interface Fold {
  kind: 'transaction' | 'housekeeping' | 'baseline';
  id: string;
  entries: Entry[]; // as they came, at least two
  whole: boolean; // false: the list may have left out part of the transaction
}
export type Line = {kind: 'entry'; id: string; entry: Entry} | Fold;

// So many changes of one transaction are told one by one.
const TOLD_SINGLY = 2;

export function transactionOf(entry: Entry): string | undefined {
  return entry.tx && isChange(entry) && entry.kind !== 'baseline' ? `${entry.tx.xid ?? ''}@${entry.tx.lsn}` : undefined;
}

function foldOf(entry: Entry): {kind: Fold['kind']; id: string} | undefined {
  if (entry.housekeeping) return {kind: 'housekeeping', id: 'housekeeping'};
  if (entry.kind === 'baseline') return {kind: 'baseline', id: 'baseline'};
  const transaction = transactionOf(entry);
  return transaction === undefined ? undefined : {kind: 'transaction', id: transaction};
}

// The line of an entry by itself; always the same one, so that what is drawn of it can be kept.
const singles = new WeakMap<Entry, Line>();
export function lineOf(entry: Entry): Line {
  let line = singles.get(entry);
  if (!line) singles.set(entry, (line = {kind: 'entry', id: `entry ${entry.seq}`, entry}));
  return line;
}

// more: older entries follow, which are not here.
export function foldEntries(entries: Entry[], more = false): Line[] {
  const lines: Line[] = [];
  for (let at = 0; at < entries.length;) {
    const first = entries[at]!;
    const fold = foldOf(first);
    let end = at + 1;
    if (fold) {
      while (end < entries.length) {
        const other = foldOf(entries[end]!);
        if (other?.kind !== fold.kind || other.id !== fold.id) break;
        ++end;
      }
    }
    const together = entries.slice(at, end);
    const least = fold?.kind === 'transaction' ? TOLD_SINGLY : 1;
    if (fold && together.length > least) {
      const last = together[together.length - 1]!, next = entries[end];
      // Its transaction has entries before the first that is here.
      const skipped = fold.kind === 'transaction' && (last.tx?.ordinal ?? 0) > 0 && (next === undefined || last.seq - next.seq > 1);
      const whole = !skipped && !(more && next === undefined);
      lines.push({kind: fold.kind, id: `${fold.kind} ${fold.kind === 'transaction' ? fold.id : last.seq}`, entries: together, whole});
    } else {
      lines.push(...together.map(lineOf));
    }
    at = end;
  }
  return lines;
}

// What most of a fold is about: its table and operation.
export function mainPart(entries: Entry[]): {table: string; kind: Entry['kind']; mixed: boolean; sample: Entry} {
  const counts = new Map<string, {table: string; kind: Entry['kind']; n: number; sample: Entry}>();
  for (const sample of entries) {
    const {table = '', kind} = sample;
    const id = `${kind} ${table}`;
    const count = counts.get(id) ?? {table, kind, n: 0, sample};
    count.n += 1;
    counts.set(id, count);
  }
  const sorted = [...counts.values()].sort((a, b) => b.n - a.n);
  const contacts = sorted.find(each => each.table === 'public.contacts');
  const main = contacts ?? sorted[0]!;
  return {table: main.table, kind: main.kind, sample: main.sample, mixed: sorted.some(each => each.table === main.table && each.kind !== main.kind)};
}
