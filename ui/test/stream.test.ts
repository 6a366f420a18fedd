import assert from 'node:assert/strict';
import {test} from 'node:test';
import {parseJson} from '../src/base/api';
import {EventParser, type StreamEvent} from '../src/base/stream';

function parse(...pieces: string[]): StreamEvent[] {
  const events: StreamEvent[] = [];
  const parser = new EventParser();
  for (const piece of pieces) parser.push(piece, event => events.push(event));
  return events;
}

test('events, however the network cuts them', () => {
  const text = ': still here\n\nid: 7\ndata: {"a":\ndata: 1}\n\nevent: problem\r\ndata: x\r\n\r\n';
  const expected = [{id: '7', event: 'message', data: '{"a":\n1}'}, {id: '7', event: 'problem', data: 'x'}];
  assert.deepEqual(parse(text), expected);
  assert.deepEqual(parse(...text), expected);
});

test('an event that is not finished is not told', () => {
  assert.deepEqual(parse('id: 7\ndata: x\n'), []);
});

test('numbers that JavaScript cannot hold keep their text', () => {
  // Where the engine tells the source of a number (Node 21 and newer, Chromium 114, Safari 18.4, Firefox 135).
  let told = false;
  JSON.parse('1', ((_n: string, _v: unknown, context?: {source?: string}) => { told = context?.source !== undefined; }) as (n: string, v: unknown) => unknown);
  const {seq, id, rate} = parseJson('{"seq":21294,"id":12345678901234567890,"rate":1.10}') as Record<string, unknown>;
  assert.equal(seq, 21294);
  if (told) assert.deepEqual([id, rate], ['12345678901234567890', '1.10']);
});
