// Times as people read them, in the zone that the reader chose, always with its offset where it matters.
import {prefs, ZONES} from '../base/prefs';
import {makeStore, useStore} from '../base/store';
import {languageTurn, locale, perLocale, t} from './index';

let organisationZone = 'Asia/Kolkata';
export function organisationTimeZone(): string {
  return organisationZone;
}
export function setOrganisationZone(zone: string | undefined): void {
  if (zone === undefined) return;
  try {
    new Intl.DateTimeFormat('en', {timeZone: zone});
    organisationZone = zone;
  } catch {
    // A zone that this browser does not know: India's stays.
  }
}

const deviceZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function timeZone(): string {
  switch (prefs.get().zone) {
    case 'utc': return 'UTC';
    case 'browser': return deviceZone;
    case 'organisation': return organisationZone;
  }
}

const formats = new Map<string, Intl.DateTimeFormat>();
function format(name: string, tag: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const zone = timeZone();
  const key = `${name} ${tag} ${zone}`;
  let found = formats.get(key);
  if (!found) formats.set(key, (found = new Intl.DateTimeFormat(tag, {timeZone: zone, hourCycle: 'h23', ...options})));
  return found;
}

// A quarter of an hour in the reader's zone: no zone's days and offsets begin inside one.
const QUARTER_MS = 900_000;
function quarter(when: Date): string {
  return `${timeZone()} ${Math.floor(when.getTime() / QUARTER_MS)}`;
}

const offsets = new Map<string, string>();

// "+05:30"
export function offsetOf(when: Date): string {
  const key = quarter(when);
  let offset = offsets.get(key);
  if (offset === undefined) offsets.set(key, (offset = computeOffset(when)));
  return offset;
}

function computeOffset(when: Date): string {
  const part = format('offset', 'en', {timeZoneName: 'longOffset'}).formatToParts(when).find(each => each.type === 'timeZoneName');
  const text = part?.value.replace('GMT', '') ?? '';
  return text === '' ? '+00:00' : text.replace('\u2212', '-');
}

const EXACT: Intl.DateTimeFormatOptions = {hourCycle: 'h23', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit'};

// "26 Nov 2026, 14:05:33 +05:30": exact.
export function exactTime(when: Date): string {
  const text = format('exact', locale(), EXACT).format(when);
  return `${text} ${offsetOf(when)}`;
}

const zoneless = perLocale(tag => new Intl.DateTimeFormat(tag, {...EXACT, timeZone: 'UTC'}));
const STAMP = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:([+-]\d\d)(:?\d\d)?)?$/;

// A value of PostgreSQL that is a time, to the second, as people read it; one without a zone is left in its own.
export function stampOf(value: string): {text: string; hasZone: boolean} | undefined {
  const match = STAMP.exec(value);
  if (!match) return undefined;
  const [, day, time, hours, minutes = '00'] = match;
  const when = new Date(`${day}T${time}${hours === undefined ? 'Z' : `${hours}:${minutes.replace(':', '')}`}`);
  if (Number.isNaN(when.getTime())) return undefined;
  if (hours !== undefined) return {text: exactTime(when), hasZone: true};
  return {text: zoneless().format(when), hasZone: false};
}

// "26/11/2026, 14:05"
export function shortTime(when: Date): string {
  return format('short', locale(), {day: '2-digit', month: '2-digit', year: 'numeric', hour: '2-digit', minute: '2-digit'}).format(when);
}

// "14:05"
export function clockTime(when: Date): string {
  return format('clock', locale(), {hour: '2-digit', minute: '2-digit'}).format(when);
}

const days = new Map<string, string>();

// "2026-11-26" in the reader's zone: for grouping, and as searches write dates.
export function isoDay(when: Date): string {
  const key = quarter(when);
  let day = days.get(key);
  if (day === undefined) days.set(key, (day = format('iso', 'en-CA', {day: '2-digit', month: '2-digit', year: 'numeric'}).format(when)));
  return day;
}

// "Thursday, 26 November 2026"
export function dayName(when: Date): string {
  return format('day', locale(), {weekday: 'long', day: 'numeric', month: 'long', year: 'numeric'}).format(when);
}

// A day "2026-11-26" as "26 Nov"; it has no zone.
export function shortDay(iso: string): string {
  const at = new Date(`${iso}T12:00:00Z`);
  if (Number.isNaN(at.getTime())) return iso;
  return new Intl.DateTimeFormat(locale(), {day: 'numeric', month: 'short', timeZone: 'UTC'}).format(at);
}

const WEEK_START = Date.UTC(2024, 0, 1); // a Monday
export function weekdayName(monday0: number, width: 'short' | 'long' = 'short'): string {
  return new Intl.DateTimeFormat(locale(), {weekday: width, timeZone: 'UTC'}).format(new Date(WEEK_START + monday0 * 86_400_000));
}

const relative = perLocale(tag => new Intl.RelativeTimeFormat(tag, {numeric: 'auto'}));
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [['day', 86_400], ['hour', 3_600], ['minute', 60]];

// "2 minutes ago"; beyond a week the date says more.
export function relativeTime(when: Date, now: Date): string {
  const seconds = Math.round((when.getTime() - now.getTime()) / 1000);
  if (Math.abs(seconds) > 7 * 86_400) return shortTime(when);
  if (Math.abs(seconds) < 45) return t('time.just_now');
  const words = relative();
  for (const [unit, size] of UNITS)
    if (Math.abs(seconds) >= size) return words.format(Math.trunc(seconds / size), unit);
  return words.format(-1, 'minute');
}

export function dayHeading(when: Date, now: Date): string {
  const day = isoDay(when);
  if (day === isoDay(now)) return `${t('time.today')} · ${dayName(when)}`;
  if (day === isoDay(new Date(now.getTime() - 86_400_000))) return `${t('time.yesterday')} · ${dayName(when)}`;
  return dayName(when);
}

// Counts up whenever words or times are shown otherwise: what long lists compare before they draw a line anew.
export function useTurn(): number {
  return useStore(languageTurn) * ZONES.length + ZONES.indexOf(useStore(prefs).zone);
}

// The present, for relative times.
export const clock = makeStore(new Date());
export function startClock(): void {
  setInterval(() => clock.set(new Date()), 30_000);
}

export function formatBytes(bytes: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  let value = bytes, unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    ++unit;
  }
  return new Intl.NumberFormat(locale(), {style: 'unit', unit: units[unit]!, unitDisplay: unit === 0 ? 'long' : 'short', maximumFractionDigits: value < 10 && unit > 0 ? 1 : 0}).format(value);
}

export function formatShare(share: number): string {
  return new Intl.NumberFormat(locale(), {style: 'percent', maximumFractionDigits: 1}).format(share);
}
