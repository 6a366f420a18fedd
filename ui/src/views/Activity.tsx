// What changed lately, as sentences: the first view, and the answer to every search.
import type {JSX} from 'preact';
import {useEffect, useMemo, useRef} from 'preact/hooks';
import {addressHere, adjust, navigate, place, usePlace, useTitle, withParameters} from '../base/router';
import {may} from '../base/session';
import {useStore} from '../base/store';
import {blocksOf, type Block} from '../entries/blocks';
import {entryTime} from '../entries/changes';
import {Feed, type FeedState} from '../entries/feed';
import {foldEntries, lineOf, type Line} from '../entries/fold';
import {hasEntry, Lines} from '../entries/Lines';
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

// Whoever reads further down, or inside an entry, keeps his place.
function isAtTop(): boolean {
  return scrollY < NEAR_TOP_PX && !document.activeElement?.closest('.days') && openSeqNow() === undefined;
}

function useFeed(q: string, all: boolean, folding: boolean, live: boolean): {feed: Feed; state: FeedState} {
  const feed = useMemo(() => new Feed({q, all, folding, live, isAtTop}), [q, all, folding, live]);
  useEffect(() => () => feed.close(), [feed]);
  return {feed, state: useStore(feed.state)};
}

interface Day {
  day: string;
  at: Date;
  blocks: {block: Block; first: number}[]; // first: the place of its first line
  size: number;
}

const timeOf = (line: Line): Date => entryTime(line.kind === 'entry' ? line.entry : line.entries[0]!);

// Blocks of lines under the heading of their day.
function useDays(state: FeedState, folding: boolean, turn: number): Day[] {
  const before = useRef<{turn: number; blocks: Block[]}>({turn, blocks: []});
  return useMemo(() => {
    const lines = folding ? foldEntries(state.entries, state.more) : state.entries.map(lineOf);
    // In another zone, lines belong to other days.
    const blocks = blocksOf(lines, before.current.turn === turn ? before.current.blocks : [], line => isoDay(timeOf(line)));
    before.current = {turn, blocks};
    const days: Day[] = [];
    for (const block of blocks) {
      let day = days[days.length - 1];
      if (day?.day !== block.day) days.push(day = {day: block.day, at: timeOf(block.lines[0]!), blocks: [], size: 0});
      day.blocks.push({block, first: day.size + 1});
      day.size += block.lines.length;
    }
    return days;
  }, [state.entries, state.more, folding, turn]);
}

// Asks for more before the reader is at the end.
function useEnd(feed: Feed, state: FeedState): {current: HTMLDivElement | null} {
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!end.current || state.loading || !state.more || state.error) return;
    const near = new IntersectionObserver(([seen]) => { if (seen?.isIntersecting) feed.loadMore(); }, {rootMargin: `${NEAR_END_PX}px 0px`});
    near.observe(end.current);
    return () => near.disconnect();
  }, [feed, state.entries, state.loading, state.more, state.error]);
  return end;
}

function search(q: string): void {
  navigate(withParameters({path: '/', parameters: place.get().parameters}, {q, open: null, name: null}));
}

function showAll(all: boolean): void {
  navigate(withParameters({path: '/', parameters: place.get().parameters}, {all: all ? '1' : null}));
}

function toggle(seq: number): void {
  adjust({open: openSeqNow() === seq ? null : seq});
}

export function Activity(): JSX.Element {
  const {parameters} = usePlace();
  const q = parameters.get('q') ?? '', all = parameters.get('all') === '1', folding = parameters.get('fold') !== 'no';
  const paused = parameters.get('live') === 'no';
  const name = parameters.get('name') ?? '';
  const openSeq = openSeqNow();
  const {feed, state} = useFeed(q, all, folding, !paused);
  const turn = useTurn();
  const now = useStore(clock);
  const days = useDays(state, folding, turn);
  const end = useEnd(feed, state);
  useTitle(name !== '' ? name : q !== '' ? q : t('nav.activity'));

  const waiting = state.waiting.length + state.waitingMore;

  // Opening a line is no reason to draw the search anew.
  const questions = useMemo(() => (
    <>
      <SearchField q={q} seen={state.entries} problem={state.error?.problem} all={all} onAll={showAll} onSearch={search} />
      <Filters q={q} onSearch={search} />
    </>
  ), [q, state.entries, state.error, all, turn]);

  return (
    <div class="activity">
      <div class="view-head">
        <h1>{name !== '' ? name : t('nav.activity')}</h1>
        <LiveState state={state} paused={paused} />
        <div class="view-actions">
          <SavedSearches q={q} />
          {may('export') && <Deferred label={t('export.title')} icon="download" load={async () => (await import('./Export')).Export} props={{q}} />}
          <CopyButton text={addressHere}>{t('action.copy_link')}</CopyButton>
        </div>
      </div>
      {questions}
      <div class="new-changes" role="status">
        {waiting > 0 && <button type="button" class="pill" onClick={() => { feed.showWaiting(); scrollTo({top: 0}); }}>{t('activity.new', {n: waiting})}</button>}
      </div>
      <div class="days">
        {days.map((day, d) => (
          <section key={day.day} class="day" aria-labelledby={`day-${day.day}`}>
            <h2 id={`day-${day.day}`}>{dayHeading(day.at, now)}</h2>
            <div role="feed" aria-labelledby={`day-${day.day}`} aria-busy={state.loading}>
              {day.blocks.map(({block, first}, b) => (
                <Lines key={block.id} block={block} first={first} size={state.more && d === days.length - 1 ? -1 : day.size} q={q} fresh={state.fresh}
                       openSeq={block.lines.some(line => hasEntry(line, openSeq)) ? openSeq : undefined} turn={turn} atOnce={d === 0 && b === 0} onToggle={toggle} />
              ))}
            </div>
          </section>
        ))}
        {state.error && state.error.problem.type !== '/problems/search' && <Failure error={state.error} retry={() => feed.retry()} />}
        {state.loading && <Loading lines={state.entries.length === 0 ? 8 : 2} />}
        {!state.loading && !state.error && days.length === 0 && <Empty q={q} onClear={() => search('')} />}
        <div ref={end} />
        {!state.loading && !state.error && state.more && <p class="centre"><button type="button" class="button" onClick={() => feed.loadMore()}>{t('action.show_older')}</button></p>}
        {!state.loading && !state.error && !state.more && days.length > 0 && <p class="note centre">{t('activity.end', {n: state.entries.length})}</p>}
      </div>
    </div>
  );
}

function openSeqNow(): number | undefined {
  const text = place.get().parameters.get('open');
  return text === null ? undefined : Number(text);
}

function LiveState({state, paused}: {state: FeedState; paused: boolean}): JSX.Element {
  const live = !paused && state.stream === 'live';
  const arrived = state.fresh.size + state.waiting.length + state.waitingMore;
  return (
    <button type="button" class={`live ${live ? 'on' : ''}`} aria-pressed={!paused} onClick={() => adjust({live: paused ? null : 'no'})}>
      <span class="live-dot" aria-hidden="true">{live && arrived > 0 && <span key={arrived} class="pulse" />}</span>
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
