// Patterns: how much changed, when, by which way, by whom. Every mark leads to its search.
import type {JSX} from 'preact';
import {useMemo} from 'preact/hooks';
import {address, getJson} from '../base/api';
import {useLoad} from '../base/load';
import {adjust, Link, navigate, rowPagePath, searchPath, usePlace, useTitle, withParameters} from '../base/router';
import type {Bucket, Insights as Counted} from '../base/types';
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
import {heatOf, hourQuery, stackOf, type Sheet} from './series';

const RANGES = [7, 30, 90, 365] as const;
const SPLITS = ['via', 'field', 'actor'] as const;
type Split = (typeof SPLITS)[number];
const SHOWN_BARS = 10;

interface Range {
  q: string;
  from: string;
  to: string;
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

function DayPanel({range, split, data}: {range: Range; split: Split; data: Counted}): JSX.Element {
  const {parameters, path} = usePlace();
  const [asTable, onTable] = useTableChoice('day');
  // What changes by itself is no news here.
  const stack = useMemo(() => stackOf(data.day, part => split !== 'field' || !isHousekeepingField({field: part})), [data]);
  const parts = useMemo(() => {
    const people = new Map(data.actor.map(bucket => [bucket.key, bucket.label]));
    return stack.parts.map((part, i) => ({label: (split === 'actor' && part !== '' ? people.get(part) : undefined) ?? partName(split, part), colour: PART_COLOURS[i % PART_COLOURS.length]!, counts: stack.counts[i]!}));
  }, [stack]);
  const title = t('insights.per_day');
  const extra = (
    <div class="segmented" role="group" aria-label={t('insights.split')}>
      {SPLITS.map(each => <Link key={each} to={withParameters({path, parameters}, {split: each === 'via' ? null : each})} current={each === split}>{t(`insights.by.${each}`)}</Link>)}
    </div>
  );
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
  name: string;
  buckets: Bucket[];
  title: string;
  column: string;
  label: (bucket: Bucket) => string;
  target: (bucket: Bucket) => string;
}

function BarsPanel({name, buckets, title, column, label, target}: BarsProps): JSX.Element {
  const [asTable, onTable] = useTableChoice(name);
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

function HeatPanel({range, buckets}: {range: Range; buckets: Bucket[]}): JSX.Element {
  const [asTable, onTable] = useTableChoice('hours');
  const heat = useMemo(() => heatOf(buckets), [buckets]);
  const title = t('insights.hours');
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

function Charts({range, split, data}: {range: Range; split: Split; data: Counted}): JSX.Element {
  // The search for a bucket, within the range.
  const found = (key: string) => (bucket: Bucket): string => searchPath(within(range, bucket.query ?? `${key}:${searchWord(bucket.key)}`, rangeTerm(range)));
  return (
    <div class="charts">
      <DayPanel range={range} split={split} data={data} />
      <BarsPanel name="field" buckets={data.field.filter(bucket => !isHousekeepingField({field: bucket.key}))} title={t('insights.fields')} column={t('insights.by.field')} label={bucket => fieldName(bucket.key)} target={found('field')} />
      <BarsPanel name="actor" buckets={data.actor} title={t('insights.people')} column={t('insights.by.actor')} label={bucket => bucket.label ?? (bucket.key === '' ? t('insights.nobody') : bucket.key)} target={found('actor')} />
      <BarsPanel name="via" buckets={data.via} title={t('insights.vias')} column={t('insights.by.via')} label={bucket => viaName(bucket.key)} target={found('via')} />
      <BarsPanel name="row" buckets={data.row} title={t('insights.rows')} column={t('insights.by.row')} label={bucket => bucket.label ?? rowLabelOf(bucket.key)} target={rowTarget} />
      <HeatPanel range={range} buckets={data.hour_of_week} />
    </div>
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
  const question = address('/v1/insights', {q: range.q, from: range.from, to: range.to, split, rows: 'contacts'});
  const {data, error, reload} = useLoad(question, signal => getJson<Counted>(question, signal));
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
      {error ? <Failure error={error} retry={reload} /> : !data ? <Loading /> : <Charts range={range} split={split} data={data} />}
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
