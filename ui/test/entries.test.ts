import assert from 'node:assert/strict';
import {test} from 'node:test';
import {initialsOf, whoOf} from '../src/entries/actor';
import {splitChanges, withRenames} from '../src/entries/changes';
import {setLabels, tenantLabel} from '../src/base/labels';
import {foldEntries, mainPart} from '../src/entries/fold';
import {harmless, shorten} from '../src/entries/harmless';
import {textDifference} from '../src/entries/textdiff';
import {changeName, rowLabel, valueWord} from '../src/entries/words';
import {stampOf} from '../src/i18n/time';
import {speakEnglish, update} from './support';

speakEnglish();

test('three changes of one transaction fold, two are told', () => {
  const tx = {xid: '7', lsn: '0/7', ordinal: 0};
  const bulk = [1, 2, 3].map(ordinal => update([{field: 'status', old: 'valid', new: 'blocked'}], {tx: {...tx, ordinal}}));
  const single = update([{field: 'name', old: 'a', new: 'b'}]);
  const lines = foldEntries([single, ...bulk]);
  assert.deepEqual(lines.map(line => line.kind), ['entry', 'transaction']);
  assert.deepEqual(foldEntries(bulk.slice(1)).map(line => line.kind), ['entry', 'entry']);
});

test('transactions side by side do not fold into one', () => {
  const of = (xid: string): ReturnType<typeof update>[] => [0, 1, 2].map(ordinal => update([], {tx: {xid, lsn: `0/${xid}`, ordinal}}));
  assert.deepEqual(foldEntries([...of('7'), ...of('8')]).map(line => line.kind), ['transaction', 'transaction']);
});

test('housekeeping and the baseline fold', () => {
  const housekeeping = [1, 2].map(() => update([{field: 'last_message_at', old: '1', new: '2'}], {housekeeping: true}));
  const baseline = [1, 2, 3].map(() => update([], {kind: 'baseline'}));
  assert.deepEqual(foldEntries([...housekeeping, update([]), ...baseline]).map(line => line.kind), ['housekeeping', 'entry', 'baseline']);
});

test('a fold is about its contacts, whatever came with them', () => {
  const tables = ['public.profiles', 'public.profiles', 'public.contacts'];
  const main = mainPart(tables.map(table => update([], {table, kind: 'delete'})));
  assert.equal(main.table, 'public.contacts');
  assert.equal(main.kind, 'delete');
});

test('a renamed variable is one change', () => {
  const value = {label: 'Age', value: '15 to 18'};
  const changes = withRenames([{field: 'fields', path: '/age_group', old: value}, {field: 'fields', path: '/age_band', new: value}, {field: 'name', old: 'a', new: 'b'}]);
  assert.equal(changes.length, 2);
  assert.equal(changes[0]!.renamedFrom?.path, '/age_group');
  const unlike = withRenames([{field: 'fields', path: '/a', old: 1}, {field: 'fields', path: '/b', new: 2}]);
  assert.equal(unlike.length, 2);
});

test('columns of housekeeping stand aside, unless there is nothing else', () => {
  const both = splitChanges(update([{field: 'phone', old: '1', new: '2'}, {field: 'updated_at', old: '1', new: '2'}]));
  assert.deepEqual([both.told.map(each => each.field), both.aside.map(each => each.field)], [['phone'], ['updated_at']]);
  assert.equal(splitChanges(update([{field: 'updated_at', old: '1', new: '2'}])).told.length, 1);
});

test('who it was is never more than is known', () => {
  const entry = update([]);
  assert.equal(whoOf(entry).name, 'Priya Raman');
  assert.equal(whoOf({...entry, actor: {id: '7', trust: 'claimed'}}).name, 'Person 7');
  const psql = {...entry, actor: {trust: 'database' as const}, via: 'sql' as const, db: {role: 'meera', application: 'psql'}};
  assert.equal(whoOf(psql).name, 'The database role meera in psql');
  assert.equal(whoOf(psql).kind, 'database');
  assert.equal(whoOf({...psql, context: {flow: 'Opt out'}, via: 'flow'}).name, 'The flow “Opt out”');
  assert.equal(whoOf({...entry, actor: {trust: 'unknown'}, via: 'unknown'}).name, 'Somebody unknown');
  assert.equal(initialsOf('Priya Raman'), 'PR');
  assert.equal(initialsOf('रुखसाना बेगम'), 'रुबे');
});

test('names of changes, values and rows', () => {
  assert.equal(changeName({field: 'fields', path: '/age_group/value'}), 'variables › age group');
  assert.equal(changeName({field: 'fields', path: '/a~1b'}), 'variables › a/b');
  assert.equal(changeName({field: 'some_column'}), 'some column');
  assert.equal(valueWord('optin_status', true), 'yes');
  assert.equal(valueWord('status', 'blocked'), 'blocked');
  assert.equal(valueWord('name', 'blocked'), undefined);
  assert.equal(rowLabel(update([{field: 'name', old: 'Asha', new: 'Usha'}])), 'Usha');
  assert.equal(rowLabel(update([], {after: {name: 'Asha Patil'}})), 'Asha Patil');
});

test('numbers that stand for something are called so', () => {
  setLabels({labels: {language_id: {1: 'English'}}, tenants: {2: 'Aarogya Mitra'}});
  assert.equal(valueWord('language_id', '1'), 'English');
  assert.equal(valueWord('language_id', 1), 'English');
  assert.equal(valueWord('language_id', '7'), undefined);
  assert.equal(valueWord('language_id', 'toString'), undefined);
  assert.equal(valueWord('constructor', 'name'), undefined);
  setLabels({labels: {language_id: {1: 'English'}}, labels_before: {language_id: {1: [{until: 50, label: 'Anglais'}, {until: 20, label: 'Englisch'}]}}, tenants: {2: 'Aarogya Mitra'}});
  for (const [seq, word] of [[undefined, 'English'], [50, 'English'], [49, 'Anglais'], [20, 'Anglais'], [19, 'Englisch']] as const) assert.equal(valueWord('language_id', '1', seq), word, String(seq));
  assert.equal(tenantLabel('2'), 'Aarogya Mitra (2)');
  assert.equal(tenantLabel('3'), '3');
  setLabels({});
  assert.equal(valueWord('language_id', '1'), undefined);
});

test('a value that is a time is told as one; without a zone it stays where it is', () => {
  assert.deepEqual(stampOf('2026-11-17 12:50:01'), {text: '17 Nov 2026, 12:50:01', hasZone: false});
  assert.deepEqual(stampOf('2026-11-17 12:50:01+00'), {text: '17 Nov 2026, 18:20:01 +05:30', hasZone: true});
  assert.deepEqual(stampOf('2026-11-17 12:50:01-03:30'), {text: '17 Nov 2026, 21:50:01 +05:30', hasZone: true});
  for (const other of ['2026-11-17', '2026-11-17 12:50:01.5', '2026-13-41 12:50:01', 'on 2026-11-17 12:50:01', '', 'infinity']) assert.equal(stampOf(other), undefined, other);
});

test('differences inside a text', () => {
  const pieces = textDifference('Please call the school office before noon', 'Please call the clinic office after noon');
  assert.deepEqual(pieces?.filter(piece => piece.kind !== 'same').map(piece => [piece.kind, piece.text]), [['gone', 'school'], ['came', 'clinic'], ['gone', 'before'], ['came', 'after']]);
  const rebuild = (kind: 'gone' | 'came'): string => pieces!.filter(piece => piece.kind === 'same' || piece.kind === kind).map(piece => piece.text).join('');
  assert.equal(rebuild('gone'), 'Please call the school office before noon');
  assert.equal(rebuild('came'), 'Please call the clinic office after noon');
  assert.equal(textDifference('nothing in common here', 'etwas ganz und gar Anderes'), undefined);
  assert.equal(textDifference('a '.repeat(5000), 'b '.repeat(5000)), undefined);
  const hindi = textDifference('आज शाम की कक्षा नहीं होगी', 'आज सुबह की कक्षा नहीं होगी');
  assert.deepEqual(hindi?.filter(piece => piece.kind !== 'same').map(piece => piece.text), ['शाम', 'सुबह']);
});

test('characters that deceive are made visible; those that scripts need stay', () => {
  assert.deepEqual(harmless('abc\u202edef'), [{text: 'abc'}, {text: 'U+202E', hidden: 'U+202E'}, {text: 'def'}]);
  for (const c of ['\u200b', '\u2066', '\u0000', '\ufeff', '\u200f', '\u{e0041}']) assert.ok(harmless(c)[0]!.hidden, c.codePointAt(0)!.toString(16));
  for (const text of ['👩‍🌾', 'क्‍ष', 'a\tb\nc', '<script>']) assert.deepEqual(harmless(text), [{text}]);
});

test('long texts are cut between characters', () => {
  assert.deepEqual(shorten('abc', 3), {text: 'abc', cut: false});
  assert.deepEqual(shorten('👩‍🌾'.repeat(10), 2), {text: '👩‍🌾👩‍🌾', cut: true});
  const began = process.hrtime.bigint();
  assert.equal(shorten('x'.repeat(10_000_000), 64).cut, true);
  // All of it would take several seconds.
  assert.ok(process.hrtime.bigint() - began < 1_000_000_000n, 'it looks no further than it must');
});
