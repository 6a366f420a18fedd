// One row: its story, the row as it was at any moment, and what differs between two.
import type {JSX} from 'preact';
import {useEffect, useMemo, useState} from 'preact/hooks';
import {address, ApiError, getJson, rowPath} from '../base/api';
import {useLoad} from '../base/load';
import {addressHere, adjust, Link, place, searchPath, usePlace, useTitle, withParameters} from '../base/router';
import {may} from '../base/session';
import type {Entry, EntryPage, PastRow, RowDifference} from '../base/types';
import {searchWord} from '../entries/actor';
import {entryTime, withRenames} from '../entries/changes';
import {DifferenceTable} from '../entries/Difference';
import {EntryLine} from '../entries/EntryLine';
import {foldEntries, type Line} from '../entries/fold';
import {FoldLine} from '../entries/FoldLine';
import {SafeText} from '../entries/Value';
import {bareTable, labelOf, rowNoun} from '../entries/words';
import {t} from '../i18n';
import {exactTime, useTurn} from '../i18n/time';
import {CopyButton} from '../widgets/Copy';
import {Icon} from '../widgets/Icon';
import {MaskedNote} from '../widgets/Masked';
import {Failure, Loading, Notice} from '../widgets/State';
import {Time} from '../widgets/Time';
import {Unmask} from '../widgets/Unmask';
import {RowImage} from './RowImage';
import {momentIndex, TimeSlider} from './TimeSlider';

const PAGE = 200;

interface Story {
  entries: Entry[]; // newest first
  more: boolean;
  loading: boolean;
  error: ApiError | undefined;
  loadMore: () => void;
  reload: () => void;
}

function useStory(table: string, key: string): Story {
  const path = `${rowPath(table, key)}/entries`;
  const [older, setOlder] = useState<{path: string; entries: Entry[]; cursor: string | undefined; error?: ApiError}>();
  const first = useLoad(path, signal => getJson<EntryPage>(address(path, {limit: PAGE}), signal));
  const more = older?.path === path ? older : undefined;
  const cursor = more ? more.cursor : first.data?.next_cursor;
  const entries = useMemo(() => [...(first.data?.entries ?? []), ...(more?.entries ?? [])], [first.data, more]);
  return {
    entries, more: cursor !== undefined, loading: first.loading, error: first.error ?? more?.error, reload: first.reload,
    loadMore: () => {
      getJson<EntryPage>(address(path, {limit: PAGE, cursor})).then(
        page => setOlder({path, entries: [...(more?.entries ?? []), ...page.entries], cursor: page.next_cursor}),
        (error: unknown) => setOlder({path, entries: more?.entries ?? [], cursor, ...(error instanceof ApiError ? {error} : {})}));
    },
  };
}

export function RowView({table, rowKey}: {table: string; rowKey: string}): JSX.Element {
  const {parameters, path} = usePlace();
  const story = useStory(table, rowKey);
  const now = useLoad(rowPath(table, rowKey), signal => getJson<PastRow>(rowPath(table, rowKey), signal));
  const [unmasking, setUnmasking] = useState(false);
  const from = parameters.get('from'), to = parameters.get('to');
  const comparing = from !== null && to !== null;
  const label = labelOf(now.data?.row);
  const noun = rowNoun(table);
  const name = label ?? `${noun} ${rowKey}`;
  useTitle(name);

  const moments = useMemo(() => story.entries.filter(entry => !entry.housekeeping).reverse(), [story.entries]);
  const newest = moments[moments.length - 1]?.seq ?? 0, oldest = moments[0]?.seq ?? 0;
  const at = parameters.get('at');

  if (now.error && story.error) return <div class="row-view"><h1>{name}</h1><Failure error={now.error} retry={now.reload} /></div>;
  const masked = now.data?.masked ?? [];
  return (
    <div class="row-view">
      <div class="view-head">
        <div class="row-title">
          <p class="eyebrow"><Link to={searchPath(`table:${bareTable(table)}`)}>{noun}</Link> <SafeText text={rowKey} /></p>
          <h1><SafeText text={name} /></h1>
          {now.data && !now.data.exists && <span class="badge bad">{t('row.gone')}</span>}
        </div>
        <div class="view-actions">
          {masked.length > 0 && may('unmask') && now.data?.exists && <button type="button" class="button small" onClick={() => setUnmasking(true)}><Icon name="access" size={16} /> {t('unmask.title')}</button>}
          {may('export') && <a class="button small" href={address('/v1/evidence', {table, key: rowKey})} download={`${bareTable(table)}-${rowKey}.evidence`}><Icon name="download" size={16} /> {t('action.evidence')}</a>}
          {may('read_access') && <Link class="button small" to={withParameters({path: '/access', parameters: new URLSearchParams()}, {tab: 'looks', table, key: rowKey})}><Icon name="access" size={16} /> {t('row.who_looked')}</Link>}
          <Link class="button small" to={searchPath(`table:${bareTable(table)} key:${searchWord(rowKey)}`)}><Icon name="search" size={16} /> {t('row.search')}</Link>
          <Link class="button small" to={withParameters({path: `/tables/${encodeURIComponent(table)}`, parameters: new URLSearchParams()}, {at})}><Icon name="table" size={16} /> {t('row.table')}</Link>
          <CopyButton text={addressHere}>{t('action.copy_link')}</CopyButton>
        </div>
      </div>
      <div class="row-columns">
        <section class="panel then" aria-label={t('row.then')}>
          <div class="segmented" role="group" aria-label={t('row.mode')}>
            <Link to={withParameters({path, parameters}, {from: null, to: null})} current={!comparing}>{t('row.one_moment')}</Link>
            <Link to={withParameters({path, parameters}, {from: from ?? `seq:${oldest}`, to: to ?? 'now'})} current={comparing}>{t('row.two_moments')}</Link>
          </div>
          {masked.length > 0 && <MaskedNote />}
          {comparing
            ? <TwoMoments table={table} rowKey={rowKey} from={from} to={to} moments={moments} />
            : <OneMoment table={table} rowKey={rowKey} at={at} newest={newest} moments={moments} now={now.data} />}
        </section>
        <section class="panel story" aria-labelledby="story-title">
          <h2 id="story-title">{t('row.story')}</h2>
          <Timeline story={story} />
        </section>
      </div>
      {unmasking && <Unmask target={{table, key: rowKey}} fields={masked} onClose={() => setUnmasking(false)} />}
    </div>
  );
}

function seqOf(when: string | null): number | undefined {
  const match = /^seq:(\d+)$/.exec(when ?? '');
  return match ? Number(match[1]) : undefined;
}

// The moment that an address names by a time, as the newest entry before it.
function seqAt(when: string | null, moments: Entry[]): number {
  const seq = seqOf(when);
  if (seq !== undefined) return seq;
  const time = when === null || when === 'now' ? Infinity : new Date(when).getTime();
  let found = moments[0]?.seq ?? 0;
  for (const entry of moments) if (Number.isNaN(time) || entryTime(entry).getTime() <= time) found = entry.seq;
  return found;
}

interface MomentProps {
  table: string;
  rowKey: string;
  moments: Entry[];
}

// A change of the slider is asked for when it has come to rest.
function useRested<T>(value: T): T {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), 120);
    return () => clearTimeout(timer);
  }, [value]);
  return rested;
}

function OneMoment({table, rowKey, at, newest, moments, now}: MomentProps & {at: string | null; newest: number; now: PastRow | undefined}): JSX.Element {
  const when = useRested(at);
  const path = when === null ? undefined : address(`${rowPath(table, rowKey)}/at`, {when});
  const past = useLoad(path, signal => getJson<PastRow>(path!, signal));
  const shown = at === null ? now : past.data;
  const seq = seqAt(at, moments);
  const moment = moments[momentIndex(moments, seq)];
  return (
    <>
      {moments.length > 0 && <TimeSlider label={t('row.moment')} moments={moments} seq={seq} onChange={to => adjust({at: to === newest ? null : `seq:${to}`})} />}
      <h2 class="then-title">{at === null || !moment ? t('row.as_now') : t('row.as_then', {time: seqOf(at) === undefined ? at : exactTime(entryTime(moment))})}</h2>
      {past.error && at !== null ? <Failure error={past.error} retry={past.reload} />
        : !shown ? <Loading lines={8} />
        : shown.exists && shown.row ? <RowImage row={shown.row} masked={shown.masked ?? []} against={at === null ? undefined : now?.row} caption={t('row.then')} />
        : <Notice icon="close" title={t('row.did_not_exist')} />}
    </>
  );
}

function TwoMoments({table, rowKey, from, to, moments}: MomentProps & {from: string; to: string}): JSX.Element {
  const rested = useRested(`${from}\n${to}`);
  const [restedFrom, restedTo] = rested.split('\n') as [string, string];
  const path = address(`${rowPath(table, rowKey)}/diff`, {from: restedFrom, to: restedTo});
  const difference = useLoad(path, signal => getJson<RowDifference>(path, signal));
  const a = seqAt(from, moments), b = seqAt(to, moments);
  const newest = moments[moments.length - 1]?.seq;
  const place = (seq: number): string => (seq === newest ? 'now' : `seq:${seq}`);
  return (
    <>
      {moments.length > 0 && <>
        <TimeSlider label={t('row.from')} moments={moments} seq={a} onChange={seq => adjust({from: `seq:${seq}`})} />
        <TimeSlider label={t('row.to')} moments={moments} seq={b} onChange={seq => adjust({to: place(seq)})} />
      </>}
      <h2 class="then-title">{t('row.difference')}</h2>
      {difference.error ? <Failure error={difference.error} retry={difference.reload} />
        : !difference.data ? <Loading lines={4} />
        : difference.data.changes.length === 0 ? <Notice icon="check" title={t('row.no_difference')} />
        : <DifferenceTable changes={withRenames(difference.data.changes)} caption={t('row.difference')} />}
    </>
  );
}

function Timeline({story}: {story: Story}): JSX.Element {
  const {parameters} = usePlace();
  const open = Number(parameters.get('open') ?? -1);
  const turn = useTurn();
  const lines = useMemo(() => foldEntries(story.entries), [story.entries]);
  const toggle = (seq: number): void => adjust({open: Number(place.get().parameters.get('open') ?? -1) === seq ? null : seq});
  if (story.error && story.entries.length === 0) return <Failure error={story.error} retry={story.reload} />;
  if (story.loading && story.entries.length === 0) return <Loading />;
  return (
    <>
      <ol class="timeline">
        {lines.map(line => (
          <li key={line.id} class={markOf(line)}>
            {line.kind === 'entry'
              ? <div class="moment">
                  <EntryLine entry={line.entry} open={open === line.entry.seq} inRow turn={turn} onToggle={toggle} />
                  <p class="moment-actions">
                    <button type="button" class="inline" onClick={() => adjust({at: `seq:${line.entry.seq}`, from: null, to: null})}>{t('row.show_then')}</button>
                    {line.entry.prev !== undefined && <button type="button" class="inline" onClick={() => adjust({from: `seq:${line.entry.seq}`, to: 'now', at: null})}>{t('row.compare_with_now')}</button>}
                  </p>
                </div>
              : <FoldLine fold={line} q="" inRow openSeq={open} turn={turn} onToggle={toggle} />}
          </li>
        ))}
      </ol>
      {story.more && <p class="centre"><button type="button" class="button" onClick={story.loadMore}>{t('action.show_older')}</button></p>}
      {!story.more && story.entries.length > 0 && <p class="note centre"><Time when={entryTime(story.entries[story.entries.length - 1]!)} exact /> · {t('row.begins')}</p>}
    </>
  );
}

function markOf(line: Line): string {
  return line.kind === 'entry' ? line.entry.kind : line.kind;
}
