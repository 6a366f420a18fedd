// A chart's numbers: from the API's buckets to rows that charts, tables, CSV and pictures all take.
import type {Bucket} from '../base/types';

export interface Stack {
  days: string[]; // each day of the range, also those without changes
  parts: string[]; // the largest first; the rest as "" when there are too many
  counts: number[][]; // of each part, by day
  queries: (string | undefined)[]; // of each day
}

const MOST_PARTS = 6, MOST_DAYS = 750;

export function daysBetween(first: string, last: string): string[] {
  const days: string[] = [];
  for (let at = Date.parse(`${first}T00:00:00Z`); at <= Date.parse(`${last}T00:00:00Z`) && days.length < MOST_DAYS; at += 86_400_000)
    days.push(new Date(at).toISOString().slice(0, 10));
  return days;
}

// counted: which parts there are to be; all when it is not said.
export function stackOf(buckets: Bucket[], counted: (part: string) => boolean = () => true): Stack {
  const byDay = new Map(buckets.map(bucket => [bucket.key, bucket]));
  const sortedDays = [...byDay.keys()].sort();
  const first = sortedDays[0], last = sortedDays[sortedDays.length - 1];
  const days = first !== undefined && last !== undefined ? daysBetween(first, last) : [];
  const partsOf = (bucket: Bucket): [string, number][] => Object.entries(bucket.parts ?? {'': bucket.count}).filter(([part]) => counted(part));
  const totals = new Map<string, number>();
  for (const bucket of buckets) for (const [part, count] of partsOf(bucket)) totals.set(part, (totals.get(part) ?? 0) + count);
  const sorted = [...totals].sort((a, b) => b[1] - a[1]).map(([part]) => part);
  const parts = sorted.length > MOST_PARTS ? [...sorted.filter(part => part !== '').slice(0, MOST_PARTS - 1), ''] : sorted;
  const counts = parts.map(() => days.map(() => 0));
  days.forEach((day, d) => {
    const bucket = byDay.get(day);
    if (!bucket) return;
    for (const [part, count] of partsOf(bucket)) {
      const own = parts.indexOf(part);
      const row = counts[own >= 0 ? own : parts.indexOf('')];
      if (row) row[d] = row[d]! + count;
    }
  });
  return {days, parts, counts, queries: days.map(day => byDay.get(day)?.query ?? `created:${day}`)};
}

// Counts by weekday (Monday first) and hour. Keys: "1-09", with 1 for Monday as in ISO 8601.
export function heatOf(buckets: Bucket[]): {counts: number[][]; most: number} {
  const counts = Array.from({length: 7}, () => Array.from({length: 24}, () => 0));
  for (const bucket of buckets) {
    const match = /^([1-7])-(\d\d)$/.exec(bucket.key);
    if (!match) continue;
    const day = Number(match[1]) - 1, hour = Number(match[2]);
    if (hour > 23) continue;
    counts[day]![hour] = counts[day]![hour]! + bucket.count;
  }
  return {counts, most: Math.max(0, ...counts.flat())};
}

// The search for one hour of one weekday (Monday is 0) in all weeks of a range of days.
export function hourQuery(from: string, to: string, weekday: number, hour: number): string {
  const two = String(hour).padStart(2, '0');
  const days = daysBetween(from, to).filter(day => (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7 === weekday);
  return `created:${days.map(day => `${day}T${two}:00..${day}T${two}:59:59`).join(',')}`;
}

export interface Sheet {
  name: string;
  columns: string[];
  rows: (string | number)[][];
}

// RFC 4180, with a byte order mark for spreadsheets, and nothing in it that one of them would execute.
export function csvOf(sheet: Sheet): string {
  const cell = (value: string | number): string => {
    if (typeof value === 'number') return String(value);
    const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return `\ufeff${[sheet.columns, ...sheet.rows].map(row => row.map(cell).join(',')).join('\r\n')}\r\n`;
}
