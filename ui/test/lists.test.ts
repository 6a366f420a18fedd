// Long lists: which lines are drawn together, and what stays as it is when some come.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import type {AccessDetail, Entry, Json} from '../src/base/types';
import {blocksOf, type Block} from '../src/entries/blocks';
import {foldEntries, lineOf} from '../src/entries/fold';
import {foldLooks, lookOf} from '../src/entries/looks';
import {update} from './support';

const day = (): string => '2026-11-16';
const many = (count: number): Entry[] => Array.from({length: count}, () => update([{field: 'name', old: 'a', new: 'b'}])).reverse();
const blocks = (entries: Entry[], before: Block[] = []): Block[] => blocksOf(entries.map(lineOf), before, day);
const seqs = (list: Block[]): number[] => list.flatMap(block => block.lines.map(line => (line.kind === 'entry' ? line.entry.seq : -1)));

test('all lines are there, in their order, in blocks of a few', () => {
  const entries = many(95);
  const made = blocks(entries);
  assert.deepEqual(seqs(made), entries.map(entry => entry.seq));
  assert.ok(made.every(block => block.lines.length <= 20), 'none is long');
  assert.ok(made.length >= 5 && made.length <= 10);
});

test('what comes at the end leaves the blocks before it the same objects', () => {
  const old = many(100), newer = many(45);
  const before = blocks(newer);
  const after = blocks([...newer, ...old], before);
  assert.deepEqual(seqs(after), [...newer, ...old].map(entry => entry.seq));
  assert.equal(after[0], before[0]);
  for (const i of [1, 2, 3]) assert.equal(after[i], before[i]);
  assert.equal(new Set(after.map(block => block.id)).size, after.length);
});

test('what arrives at the top changes the first block alone, until that is full', () => {
  let entries = many(60);
  let now = blocks(entries);
  for (let i = 0; i < 50; ++i) {
    entries = [...many(1), ...entries];
    const next = blocks(entries, now);
    assert.deepEqual(seqs(next), entries.map(entry => entry.seq));
    assert.deepEqual(next.slice(-2), now.slice(-2));
    for (const block of now.slice(1)) assert.ok(next.includes(block), 'the same object');
    assert.ok(next.every(block => block.lines.length <= 20));
    assert.equal(new Set(next.map(block => block.id)).size, next.length);
    now = next;
  }
});

test('a block is of one day', () => {
  const entries = many(12);
  const made = blocksOf(entries.map(lineOf), [], line => (line.kind === 'entry' && line.entry.seq % 12 < 4 ? 'a' : 'b'));
  for (const block of made) assert.equal(new Set(block.lines.map(line => (line.kind === 'entry' && line.entry.seq % 12 < 4 ? 'a' : 'b'))).size, 1);
  assert.deepEqual(seqs(made), entries.map(entry => entry.seq));
});

test('a fold that did not change is the same line, one that grew is another', () => {
  const bulk = (count: number): Entry[] => many(count).map((entry, i) => ({...entry, tx: {xid: '7', lsn: '0/7', ordinal: count - 1 - i}}));
  const all = bulk(6), rest = many(3);
  const before = blocksOf(foldEntries([...all, ...rest]), [], day);
  const again = blocksOf(foldEntries([...all, ...rest]), before, day);
  assert.equal(again[0], before[0]);
  const part = blocksOf(foldEntries(all.slice(0, 4), true), [], day);
  const grown = blocksOf(foldEntries([...all, ...rest], false), part, day);
  assert.notEqual(grown[0], part[0]);
  assert.equal(grown[0]!.id, part[0]!.id);
});

test('a fold is whole when nothing of its transaction can be missing', () => {
  const entries = many(6).map((entry, i) => ({...entry, tx: {xid: '7', lsn: '0/7', ordinal: 5 - i}}));
  const older = many(1).map(entry => ({...entry, seq: entries[5]!.seq - 1}));
  const whole = (list: Entry[], more: boolean): boolean => {
    const [line] = foldEntries(list, more);
    assert.ok(line && line.kind === 'transaction');
    return line.whole;
  };
  assert.equal(whole(entries, false), true);
  assert.equal(whole(entries, true), false, 'older ones may follow');
  assert.equal(whole([...entries, ...older], true), true);
  assert.equal(whole(entries.slice(0, 4), false), false, 'its first entries were left out');
});

function look(minute: number, detail: AccessDetail, reader = 'devika'): Entry {
  const at = new Date(Date.UTC(2026, 10, 16, 4, minute)).toISOString();
  return {...update([], {kind: 'access'}), received_at: at, detail: {reader: {id: reader, name: reader}, ...detail} as Json};
}
const folded = (entries: Entry[]): number[][] => foldLooks(entries).map(fold => fold.map(entry => new Date(entry.received_at).getUTCMinutes()));

test('looks of one person with one purpose, close together, are one line', () => {
  const asha = {table: 'public.contacts', key: '42'};
  const story = {route: 'row.history', ...asha}, past = {route: 'row.at', query: 'when=now', ...asha};
  assert.deepEqual(folded([look(9, story), look(8, past), look(8, story), look(0, story)]), [[9, 8, 8, 0]], 'each close to the next');
  assert.deepEqual(folded([look(30, story), look(8, story)]), [[30], [8]], 'not after a while');
  assert.deepEqual(folded([look(9, story), look(8, story, 'ravi'), look(7, story)]), [[9, 7], [8]], 'whatever others did meanwhile');
  assert.deepEqual(folded([look(9, story), look(8, {...story, key: '43'})]), [[9], [8]], 'one row');
  assert.deepEqual(folded([look(9, story), look(8, {...story, route: 'access'})]), [[9], [8]], 'who looked is another question');
  const shown = {route: 'unmask', ...asha, unmasked: ['phone'], reason: 'a complaint'};
  assert.deepEqual(folded([look(9, shown), look(8, story), look(7, {...shown, reason: 'another'}), look(6, {...shown, unmasked: ['name']})]), [[9], [8], [7], [6]], 'each reason is told');
});

test('the list and what arrives in it are one look; an export is not its being taken away', () => {
  assert.deepEqual(folded([look(9, {route: 'entries.stream'}), look(9, {route: 'entries'})]), [[9, 9]]);
  assert.deepEqual(folded([look(9, {route: 'entries.stream', query: 'field:phone'}), look(9, {route: 'entries', query: 'field:phone'}), look(8, {route: 'entries', query: 'field:name'})]), [[9, 9], [8]]);
  assert.deepEqual(folded([look(9, {route: 'exports.data'}), look(8, {route: 'exports'})]), [[9], [8]]);
  assert.equal(lookOf(look(9, {route: 'exports.data', query: 'field:phone'})).how, 'taken_away');
  assert.equal(lookOf(look(9, {route: 'entry', query: '14300'})).how, 'read', 'an entry’s number is no search');
});
