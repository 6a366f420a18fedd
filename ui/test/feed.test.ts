// What arrives while a search is opened.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {Feed} from '../src/entries/feed';
import {update} from './support';

test('what is committed between an empty first page and the stream is not missed', async t => {
  const missed = update([{field: 'name', old: 'a', new: 'b'}]);
  const pages = [[], [missed]];
  const asked: string[] = [];
  t.mock.method(globalThis, 'fetch', async (path: string) => {
    asked.push(path.split('?')[0]!);
    // The stream says nothing, as if nothing happened after it was opened.
    return path.startsWith('/v1/entries/stream') ? new Response(new ReadableStream()) : new Response(JSON.stringify({entries: pages.shift()}));
  });
  const feed = new Feed({q: 'key:42', all: false, folding: true, live: true, isAtTop: () => true});
  await new Promise<void>(done => feed.state.watch(state => { if (state.entries.length > 0) done(); }));
  assert.deepEqual(feed.state.get().entries.map(entry => entry.seq), [missed.seq]);
  assert.deepEqual(asked, ['/v1/entries', '/v1/entries/stream', '/v1/entries']);
  feed.close();
});
