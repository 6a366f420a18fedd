// The entries of a search, newest first, page by page, and those that arrive meanwhile.
import {address, ApiError, getJson, parseJson} from '../base/api';
import {asApiError} from '../base/load';
import {makeStore, type Store} from '../base/store';
import {follow, type StreamState} from '../base/stream';
import type {Entry, EntryPage} from '../base/types';
import {entryTime} from './changes';
import {foldEntries, transactionOf} from './fold';

const FIRST_PAGE = 50, PAGE = 200;
const MOST_WAITING = 500; // more arrive only as a number

export interface FeedState {
  entries: Entry[];
  waiting: Entry[]; // arrived, not yet shown; newest first
  waitingMore: number;
  fresh: ReadonlySet<number>; // shown without the reader's asking
  more: boolean;
  loading: boolean;
  error: ApiError | undefined;
  stream: StreamState;
}

const EMPTY: FeedState = {
  entries: [], waiting: [], waitingMore: 0, fresh: new Set(), more: false, loading: true, error: undefined, stream: 'connecting',
};

export interface FeedOptions {
  q: string;
  all: boolean;
  folding: boolean;
  live: boolean;
  isAtTop: () => boolean; // the reader sees the beginning of the list and is busy with nothing in it
}

// What the first page of a search is asked by.
export function firstPagePath(q: string, all: boolean): string {
  return pagePath({q, all, limit: FIRST_PAGE});
}

function pagePath(parameters: {q: string; all: boolean; limit: number; cursor?: string | undefined}): string {
  return address('/v1/entries', {q: parameters.q, all: parameters.all, images: true, limit: parameters.limit, cursor: parameters.cursor});
}

export class Feed {
  readonly state: Store<FeedState> = makeStore(EMPTY);
  private readonly controller = new AbortController();
  private endStream = (): void => undefined;
  private cursor: string | undefined;
  // Transactions that folded: the pages after them leave them out, so that no import of 100,000 has to be walked through.
  private skipped = new Map<string, string>(); // transaction to xid
  private restartAt: Entry | undefined;

  constructor(private readonly options: FeedOptions) {
    void this.begin();
  }

  close(): void {
    this.controller.abort();
    this.endStream();
  }

  private change(changes: Partial<FeedState>): void {
    this.state.set({...this.state.get(), ...changes});
  }

  private page({cursor, q = this.options.q}: {cursor?: string | undefined; q?: string}): Promise<EntryPage> {
    const {all} = this.options;
    const path = this.state.get().entries.length === 0 ? firstPagePath(q, all) : pagePath({q, all, limit: PAGE, cursor});
    return getJson<EntryPage>(path, this.controller.signal);
  }

  private async begin(): Promise<void> {
    await this.load(() => this.page({}));
    if (this.controller.signal.aborted || !this.options.live) return;
    if (this.state.get().error) return this.change({stream: 'refused'});
    const newest = this.state.get().entries[0]?.seq;
    this.endStream = follow(
      address('/v1/entries/stream', {q: this.options.q, all: this.options.all, images: true}), newest,
      event => {
        if (event.event === 'message') this.arrived(parseJson(event.data) as Entry);
      },
      stream => {
        this.change({stream});
        // Without an entry to go on after, the stream begins where the log ends now, which is later than when the page was asked.
        if (stream === 'live' && newest === undefined) void this.catchUp();
      });
  }

  private async catchUp(): Promise<void> {
    try {
      const {entries} = await getJson<EntryPage>(firstPagePath(this.options.q, this.options.all), this.controller.signal);
      for (const entry of entries.reverse()) this.arrived(entry);
    } catch {
      // The stream has its own trouble then, and tells.
    }
  }

  private async load(fetchPage: () => Promise<EntryPage>): Promise<void> {
    this.change({loading: true, error: undefined});
    try {
      const page = await fetchPage();
      const known = this.state.get().entries;
      const oldest = known[known.length - 1]?.seq ?? Infinity;
      // After a fold, entries of the very same microsecond come again.
      const entries = [...known, ...page.entries.filter(entry => entry.seq < oldest)];
      this.cursor = page.next_cursor;
      this.restartAt = undefined;
      if (this.options.folding && page.next_cursor !== undefined) this.skipFold(entries);
      this.change({entries, more: page.next_cursor !== undefined, loading: false});
    } catch (error) {
      if (this.controller.signal.aborted) return;
      this.change({error: asApiError(error), loading: false});
    }
  }

  // A page that ends inside a large transaction: the next one begins behind it.
  private skipFold(entries: Entry[]): void {
    const lines = foldEntries(entries);
    const last = lines[lines.length - 1];
    if (last?.kind !== 'transaction') return;
    const entry = last.entries[last.entries.length - 1]!;
    if (entry.tx?.xid === undefined) return;
    this.skipped.set(transactionOf(entry)!, entry.tx.xid);
    this.restartAt = entry;
  }

  loadMore(): void {
    const {loading, more} = this.state.get();
    if (loading || !more) return;
    const at = this.restartAt;
    if (!at) {
      void this.load(() => this.page({cursor: this.cursor}));
      return;
    }
    // The rest of the search, without what was folded and not after it.
    const {q} = this.options;
    const bound = `created:<=${entryTime(at).toISOString().replace(/\.\d+Z$/, 'Z')}`;
    const parts = [q === '' ? '' : `(${q})`, `-tx:${[...new Set(this.skipped.values())].join(',')}`, bound];
    void this.load(() => this.page({q: parts.filter(part => part !== '').join(' ')}));
  }

  retry(): void {
    if (this.state.get().entries.length === 0) void this.begin();
    else void this.load(() => this.page({cursor: this.cursor}));
  }

  private arrived(entry: Entry): void {
    const {entries, waiting, waitingMore} = this.state.get();
    const newest = waiting[0]?.seq ?? entries[0]?.seq ?? -1;
    if (entry.seq <= newest) return;
    if (waiting.length === 0 && this.options.isAtTop()) {
      this.change({entries: [entry, ...entries], fresh: new Set([...this.state.get().fresh, entry.seq])});
    } else if (waiting.length >= MOST_WAITING) {
      this.change({waitingMore: waitingMore + 1});
    } else {
      this.change({waiting: [entry, ...waiting]});
    }
  }

  // Shows what waits; after more than the pill could hold, from the log.
  showWaiting(): void {
    const {entries, waiting, waitingMore} = this.state.get();
    if (waitingMore > 0) {
      this.endStream();
      this.skipped.clear();
      this.state.set(EMPTY);
      void this.begin();
      return;
    }
    this.change({entries: [...waiting, ...entries], waiting: [], fresh: new Set(waiting.map(entry => entry.seq))});
  }
}
