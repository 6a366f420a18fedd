// Patterns: how much changed, when, by which way, by whom. Every mark leads to its search.
import type {JSX} from 'preact';
import {useMemo} from 'preact/hooks';
import {address, getJson} from '../base/api';
import {useLoad} from '../base/load';
import {adjust, Link, navigate, rowPagePath, searchPath, usePlace, useTitle, withParameters} from '../base/router';
import type {Bucket, Insight} from '../base/types';
import {searchWord, viaName} from '../entries/actor';
import {isHousekeepingField} from '../entries/changes';
import {SafeText} from '../entries/Value';
import {fieldName, rowNoun} from '../entries/words';
import {formatNumber, t} from '../i18n';
import {isoDay, organisationTimeZone, shortDay, weekdayName} from '../i18n/time';
import {Failure, Loading} from '../widgets/State';
import {DayChart} from './DayChart';
import {Panel} from './Panel';
import {barsPicture, heatPicture, PART_COLOURS, stackPicture} from './picture';
import {heatOf, hourQuery, sideBySide, stackOf, type Sheet} from './series';

const RANGES = [7, 30, 90, 365] as const;
const SPLITS = ['via', 'field', 'actor'] as const;
type Split = (typeof SPLITS)[number];
const SHOWN_BARS = 10, LARGEST = 6;

interface Range {
  q: string;
  from: string;
  to: string;
}

function useInsight(range: Range, by: string, extra: Record<string, string | number> = {}): ReturnType<typeof useLoad<Insight>> {
  const path = address('/v1/insights/changes', {by, q: range.q, from: range.from, to: range.to, ...extra});
  return useLoad(path, signal => getJson<Insight>(path, signal));
}

function useTableChoice(name: string): [boolean, (on: boolean) => void] {
  const {parameters} = usePlace();
  const tables = (parameters.get('tables') ?? '').split(',').filter(each => each !== '');
  return [tables.includes(name), on => adjust({tables: (on ? [...tables, name] : tables.filter(each => each !== name)).join(',')})];
}

function partName(split: Split, part: string): string {
  if (part === '') return t('insights.others');
  return split === 'via' ? viaName(part) : split === 'field' ? fieldName(part) : part;
}

// What is searched for, within what is looked at.
function within(range: Range, ...parts: (string | undefined)[]): string {
  return [range.q === '' ? '' : `(${range.q})`, ...parts].filter(part => part !== undefined && part !== '').join(' ');
}

function rangeTerm(range: Range): string {
  return `created:${range.from}..${range.to}`;
}

// Changes per day by way in are one question. By field or person: the largest few first, then each one's days.
async function dayParts(range: Range, split: Split, signal: AbortSignal): Promise<{insight: Insight; names: Map<string, string>}> {
  const ask = (by: string, extra: Record<string, string | number>): Promise<Insight> =>
    getJson<Insight>(address('/v1/insights/changes', {by, q: range.q, from: range.from, to: range.to, ...extra}), signal);
  if (split === 'via') return {insight: await ask('day', {split}), names: new Map()};
  const largest = (await ask(split, {limit: LARGEST})).buckets.filter(bucket => bucket.query);
  const days = await Promise.all(largest.map(bucket => ask('day', {q: within(range, bucket.query)})));
  return {insight: sideBySide(largest.map(bucket => bucket.key), days), names: new Map(largest.map(bucket => [bucket.key, bucket.label ?? bucket.key]))};
}

function DayPanel({range, split}: {range: Range; split: Split}): JSX.Element {
  const {parameters, path} = usePlace();
  const {data, error, reload} = useLoad(JSON.stringify([range, split]), signal => dayParts(range, split, signal));
  const [asTable, onTable] = useTableChoice('day');
  const stack = useMemo(() => (data ? stackOf(data.insight) : undefined), [data]);
  const parts = useMemo(() => stack?.parts.map((part, i) => ({label: data?.names.get(part) && split === 'actor' ? data.names.get(part)! : partName(split, part), colour: PART_COLOURS[i % PART_COLOURS.length]!, counts: stack.counts[i]!})) ?? [], [stack, split, data]);
  const title = t('insights.per_day');
  const extra = (
    <div class="segmented" role="group" aria-label={t('insights.split')}>
      {SPLITS.map(each => <Link key={each} to={withParameters({path, parameters}, {split: each === 'via' ? null : each})} current={each === split}>{t(`insights.by.${each}`)}</Link>)}
    </div>
  );
  if (error) return <section class="panel chart wide"><Failure error={error} retry={reload} /></section>;
  if (!stack) return <section class="panel chart wide"><Loading /></section>;
  const sheet: Sheet = {
    name: title, columns: [t('insights.day'), ...parts.map(part => part.label), t('insights.total')],
    rows: stack.days.map((day, d) => [shortDay(day), ...parts.map(part => part.counts[d]!), parts.reduce((sum, part) => sum + part.counts[d]!, 0)]),
  };
  const links = stack.queries.map(query => searchPath(within(range, query)));
  return (
    <Panel title={title} sheet={sheet} links={links} picture={() => stackPicture(title, stack.days, parts)} asTable={asTable} onTable={onTable} extra={extra} wide>
      <DayChart days={stack.days} parts={parts} onPick={(day, part) => {
        const name = stack.parts[part];
        const term = name === undefined || name === '' ? undefined : `${split}:${searchWord(name)}`;
        navigate(searchPath(within(range, stack.queries[day], term)));
      }} />
      <ul class="legend">
        {parts.map((part, i) => {
          const name = stack.parts[i]!;
          const swatch = <svg width="12" height="12" aria-hidden="true"><rect width="12" height="12" rx="3" fill={part.colour} /></svg>;
          return <li key={name}>{name === '' ? <>{swatch} {part.label}</> : <Link to={searchPath(within(range, `${split}:${searchWord(name)}`, rangeTerm(range)))}>{swatch} <SafeText text={part.label} /></Link>}</li>;
        })}
      </ul>
    </Panel>
  );
}

interface BarsProps {
  range: Range;
  by: 'field' | 'actor' | 'via' | 'row';
  title: string;
  column: string;
  label: (bucket: Bucket) => string;
  target: (bucket: Bucket) => string;
}

function BarsPanel({range, by, title, column, label, target}: BarsProps): JSX.Element {
  const {data, error, reload} = useInsight(range, by, {limit: 50});
  const [asTable, onTable] = useTableChoice(by);
  if (error) return <section class="panel chart"><Failure error={error} retry={reload} /></section>;
  if (!data) return <section class="panel chart"><Loading /></section>;
  // What changes by itself is no news here.
  const buckets = data.buckets.filter(bucket => by !== 'field' || !isHousekeepingField({field: bucket.key}));
  const most = Math.max(1, ...buckets.map(bucket => bucket.count));
  const rows = buckets.map(bucket => ({label: label(bucket), count: bucket.count, to: target(bucket)}));
  const sheet: Sheet = {name: title, columns: [column, t('insights.changes')], rows: rows.map(row => [row.label, row.count])};
  return (
    <Panel title={title} sheet={sheet} links={rows.map(row => row.to)} picture={() => barsPicture(title, rows.slice(0, SHOWN_BARS))} asTable={asTable} onTable={onTable}>
      <ul class="bars">
        {rows.slice(0, SHOWN_BARS).map(row => (
          <li key={row.to}>
            <Link to={row.to}>
              <span class="bar-label"><SafeText text={row.label} /></span>
              <span class="bar-count">{formatNumber(row.count)}</span>
              <span class="bar-track" aria-hidden="true"><span class="bar" style={{width: `${Math.max(1, (row.count / most) * 100)}%`}} /></span>
            </Link>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

const HEAT_STEPS = 6;

function HeatPanel({range}: {range: Range}): JSX.Element {
  const {data, error, reload} = useInsight(range, 'hour_of_week');
  const [asTable, onTable] = useTableChoice('hours');
  const heat = useMemo(() => (data ? heatOf(data.buckets) : undefined), [data]);
  const title = t('insights.hours');
  if (error) return <section class="panel chart wide"><Failure error={error} retry={reload} /></section>;
  if (!heat) return <section class="panel chart wide"><Loading /></section>;
  const days = Array.from({length: 7}, (_, d) => weekdayName(d));
  const hours = Array.from({length: 24}, (_, h) => String(h).padStart(2, '0'));
  const sheet: Sheet = {name: title, columns: [t('insights.weekday'), ...hours], rows: heat.most === 0 ? [] : heat.counts.map((row, d) => [weekdayName(d, 'long'), ...row])};
  return (
    <Panel title={title} sheet={sheet} picture={() => heatPicture(title, days, heat.counts, heat.most)} asTable={asTable} onTable={onTable} wide>
      <div class="scroll" tabIndex={0} role="group" aria-label={title}>
        <table class="heat">
          <thead><tr><td />{hours.map(hour => <th key={hour} scope="col">{hour}</th>)}</tr></thead>
          <tbody>
            {heat.counts.map((row, d) => (
              <tr key={d}>
                <th scope="row">{days[d]}</th>
                {row.map((count, hour) => {
                  const step = count === 0 ? 0 : Math.max(1, Math.ceil((count / heat.most) * HEAT_STEPS));
                  const name = t('insights.heat_cell', {day: weekdayName(d, 'long'), hour: hours[hour]!, n: count});
                  return (
                    <td key={hour} class={`heat-${step}`}>
                      {count > 0
                        ? <Link to={searchPath(within(range, hourQuery(range.from, range.to, d, hour)))} title={name}><span aria-hidden="true">{formatNumber(count)}</span><span class="visually-hidden">{name}</span></Link>
                        : <span title={name}><span class="visually-hidden">{name}</span></span>}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

export function Insights(): JSX.Element {
  const {parameters, path} = usePlace();
  useTitle(t('nav.insights'));
  const days = Number(parameters.get('days') ?? 30);
  const today = new Date();
  const range: Range = {
    q: parameters.get('q') ?? '',
    from: parameters.get('from') ?? isoDay(new Date(today.getTime() - (days - 1) * 86_400_000)),
    to: parameters.get('to') ?? isoDay(today),
  };
  const splitText = parameters.get('split') as Split | null;
  const split = splitText !== null && SPLITS.includes(splitText) ? splitText : 'via';
  const custom = parameters.has('from') || parameters.has('to');
  return (
    <div class="insights">
      <div class="view-head"><h1>{t('nav.insights')}</h1></div>
      <div class="range-bar">
        <div class="segmented" role="group" aria-label={t('insights.range')}>
          {RANGES.map(each => <Link key={each} to={withParameters({path, parameters}, {days: each === 30 ? null : each, from: null, to: null})} current={!custom && each === days}>{t('insights.days', {n: each})}</Link>)}
        </div>
        <label class="field inline-field"><span>{t('insights.from')}</span><input type="date" value={range.from} max={range.to} onChange={event => navigate(withParameters({path, parameters}, {from: event.currentTarget.value, to: range.to}))} /></label>
        <label class="field inline-field"><span>{t('insights.to')}</span><input type="date" value={range.to} min={range.from} onChange={event => navigate(withParameters({path, parameters}, {from: range.from, to: event.currentTarget.value}))} /></label>
        <form class="field inline-field grow" role="search" onSubmit={event => {
          event.preventDefault();
          navigate(withParameters({path, parameters}, {q: new FormData(event.currentTarget).get('q') as string}));
        }}>
          <label><span>{t('insights.only')}</span><input type="text" name="q" data-search key={range.q} defaultValue={range.q} placeholder={t('insights.only_hint')} /></label>
        </form>
      </div>
      <p class="note">{t('insights.zone', {zone: organisationTimeZone()})}</p>
      <div class="charts">
        <DayPanel range={range} split={split} />
        <BarsPanel range={range} by="field" title={t('insights.fields')} column={t('insights.by.field')} label={bucket => fieldName(bucket.key)} target={bucket => searchPath(within(range, bucket.query ?? `field:${bucket.key}`, bucket.query ? undefined : rangeTerm(range)))} />
        <BarsPanel range={range} by="actor" title={t('insights.people')} column={t('insights.by.actor')} label={bucket => bucket.label ?? (bucket.key === '' ? t('actor.unknown') : bucket.key)} target={bucket => searchPath(within(range, bucket.query ?? `actor:${searchWord(bucket.key)}`, bucket.query ? undefined : rangeTerm(range)))} />
        <BarsPanel range={range} by="via" title={t('insights.vias')} column={t('insights.by.via')} label={bucket => viaName(bucket.key)} target={bucket => searchPath(within(range, bucket.query ?? `via:${bucket.key}`, bucket.query ? undefined : rangeTerm(range)))} />
        <BarsPanel range={{...range, q: within(range, 'table:contacts')}} by="row" title={t('insights.rows')} column={t('insights.by.row')} label={bucket => bucket.label ?? rowLabelOf(bucket.key)} target={bucket => rowTarget(bucket)} />
        <HeatPanel range={range} />
      </div>
      <p class="note centre">{t('insights.hint')}</p>
    </div>
  );
}

// "public.contacts/42"
function rowParts(key: string): {table: string; key: string} {
  const slash = key.indexOf('/');
  return slash < 0 ? {table: 'public.contacts', key} : {table: key.slice(0, slash), key: key.slice(slash + 1)};
}

function rowLabelOf(key: string): string {
  const row = rowParts(key);
  return `${rowNoun(row.table)} ${row.key}`;
}

function rowTarget(bucket: Bucket): string {
  const row = rowParts(bucket.key);
  return rowPagePath(row.table, row.key);
}
