// What changed lately, as sentences: the first view, and the answer to every search.
import {Fragment, type JSX} from 'preact';
import {useEffect, useMemo, useRef} from 'preact/hooks';
import {adjust, navigate, usePlace, useTitle, withParameters} from '../base/router';
import {may} from '../base/session';
import {useStore} from '../base/store';
import type {Entry} from '../base/types';
import {entryTime} from '../entries/changes';
import {EntryLine} from '../entries/EntryLine';
import {Feed, type FeedState} from '../entries/feed';
import {foldEntries, type Line} from '../entries/fold';
import {FoldLine} from '../entries/FoldLine';
import {formatNumber, t} from '../i18n';
import {clock, dayHeading, isoDay, useTurn} from '../i18n/time';
import {Filters} from '../search/Filters';
import {SavedSearches} from '../search/SavedSearches';
import {SearchField} from '../search/SearchField';
import {CopyButton} from '../widgets/Copy';
import {Deferred} from '../widgets/Deferred';
import {Icon} from '../widgets/Icon';
import {Failure, Loading, Notice} from '../widgets/State';

const NEAR_TOP_PX = 120;
const NEAR_END_PX = 1200;

function useFeed(q: string, all: boolean, folding: boolean, live: boolean): {feed: Feed; state: FeedState} {
  const feed = useMemo(() => new Feed({q, all, folding, live}), [q, all, folding, live]);
  useEffect(() => () => feed.close(), [feed]);
  return {feed, state: useStore(feed.state)};
}

// Lines under the heading of their day.
function daysOf(lines: Line[]): {day: string; at: Date; lines: Line[]}[] {
  const days: {day: string; at: Date; lines: Line[]}[] = [];
  for (const line of lines) {
    const at = entryTime(line.kind === 'entry' ? line.entry : line.entries[0]!);
    const day = isoDay(at);
    const last = days[days.length - 1];
    if (last?.day === day) last.lines.push(line);
    else days.push({day, at, lines: [line]});
  }
  return days;
}

export function Activity(): JSX.Element {
  const {parameters} = usePlace();
  const q = parameters.get('q') ?? '', all = parameters.get('all') === '1', folding = parameters.get('fold') !== 'no';
  const paused = parameters.get('live') === 'no';
  const name = parameters.get('name') ?? '';
  const openText = parameters.get('open');
  const openSeq = openText === null ? undefined : Number(openText);
  const {feed, state} = useFeed(q, all, folding, !paused);
  const turn = useTurn();
  const now = useStore(clock);
  const list = useRef<HTMLDivElement>(null);
  useTitle(name !== '' ? name : q !== '' ? q : t('nav.activity'));

  const search = (next: string): void => navigate(withParameters({path: '/', parameters}, {q: next, open: null, name: null}));
  const toggle = (seq: number): void => adjust({open: openSeqNow() === seq ? null : seq});

  useEffect(() => {
    const look = (): void => {
      // Whoever reads inside an entry keeps his place.
      feed.setAtTop(scrollY < NEAR_TOP_PX && !(list.current?.contains(document.activeElement) ?? false) && openSeq === undefined);
      if (document.documentElement.scrollHeight - scrollY - innerHeight < NEAR_END_PX) feed.loadMore();
    };
    look();
    addEventListener('scroll', look, {passive: true});
    document.addEventListener('focusin', look);
    document.addEventListener('focusout', look);
    return () => {
      removeEventListener('scroll', look);
      document.removeEventListener('focusin', look);
      document.removeEventListener('focusout', look);
    };
  }, [feed, openSeq, state.entries]);

  const lines = useMemo(() => (folding ? foldEntries(state.entries) : state.entries.map((entry): Line => ({kind: 'entry', id: `entry ${entry.seq}`, entry}))), [state.entries, folding]);
  const days = daysOf(lines);
  const waiting = state.waiting.length + state.waitingMore;

  return (
    <div class="activity">
      <div class="view-head">
        <h1>{name !== '' ? name : t('nav.activity')}</h1>
        <LiveState state={state} paused={paused} />
        <div class="view-actions">
          <SavedSearches q={q} />
          {may('export') && <Deferred label={t('export.title')} icon="download" load={async () => (await import('./Export')).Export} props={{q}} />}
          <CopyButton text={location.href}>{t('action.copy_link')}</CopyButton>
        </div>
      </div>
      <SearchField q={q} seen={state.entries} problem={state.error?.problem} all={all} onAll={on => navigate(withParameters({path: '/', parameters}, {all: on ? '1' : null}))} onSearch={search} />
      <Filters q={q} onSearch={search} />
      <div class="new-changes" role="status">
        {waiting > 0 && <button type="button" class="pill" onClick={() => { feed.showWaiting(); scrollTo({top: 0}); }}>{t('activity.new', {n: waiting})}</button>}
      </div>
      <div class="days" ref={list} aria-busy={state.loading}>
        {days.map((day, d) => (
          <section key={day.day} class="day" aria-labelledby={`day-${day.day}`}>
            <h2 id={`day-${day.day}`}>{dayHeading(day.at, now)}</h2>
            {day.lines.map((line, i) => (
              <Fragment key={line.id}>{line.kind === 'entry'
                ? <EntryLine entry={line.entry} open={openSeq === line.entry.seq} fresh={state.fresh.has(line.entry.seq)} turn={turn} onToggle={toggle} />
                : <FoldLine fold={line} whole={!(state.more && d === days.length - 1 && i === day.lines.length - 1) && !wasSkipped(line, state)} q={q} openSeq={openSeq} turn={turn} onToggle={toggle} />}
              </Fragment>
            ))}
          </section>
        ))}
        {state.error && state.error.problem.type !== '/problems/search' && <Failure error={state.error} retry={() => feed.retry()} />}
        {state.loading && <Loading lines={state.entries.length === 0 ? 8 : 2} />}
        {!state.loading && !state.error && lines.length === 0 && <Empty q={q} onClear={() => search('')} />}
        {!state.loading && !state.error && state.more && <p class="centre"><button type="button" class="button" onClick={() => feed.loadMore()}>{t('action.show_older')}</button></p>}
        {!state.loading && !state.error && !state.more && lines.length > 0 && <p class="note centre">{t('activity.end', {n: state.entries.length})}</p>}
      </div>
    </div>
  );
}

function openSeqNow(): number | undefined {
  const text = new URLSearchParams(location.search).get('open');
  return text === null ? undefined : Number(text);
}

// Whether the list left out part of the fold: its transaction has entries before the first that is here.
function wasSkipped(line: Line, state: FeedState): boolean {
  if (line.kind !== 'transaction') return false;
  const last: Entry = line.entries[line.entries.length - 1]!;
  const next = state.entries[state.entries.indexOf(last) + 1];
  return (last.tx?.ordinal ?? 0) > 0 && (next === undefined || last.seq - next.seq > 1);
}

function LiveState({state, paused}: {state: FeedState; paused: boolean}): JSX.Element {
  const live = !paused && state.stream === 'live';
  return (
    <button type="button" class={`live ${live ? 'on' : ''}`} aria-pressed={!paused} onClick={() => adjust({live: paused ? null : 'no'})}>
      <span class="live-dot" aria-hidden="true" />
      {paused ? t('live.paused') : live ? t('live.on') : state.stream === 'refused' ? t('live.off') : t('live.connecting')}
      <Icon name={paused ? 'play' : 'pause'} size={14} />
    </button>
  );
}

function Empty({q, onClear}: {q: string; onClear: () => void}): JSX.Element {
  return q === ''
    ? <Notice icon="activity" title={t('activity.nothing_yet')}><p>{t('activity.nothing_yet_text')}</p></Notice>
    : <Notice icon="search" title={t('activity.nothing_found')}>
        <p>{t('activity.nothing_found_text', {n: formatNumber(0)})}</p>
        <button type="button" class="button" onClick={onClear}>{t('search.clear_all')}</button>
      </Notice>;
}
