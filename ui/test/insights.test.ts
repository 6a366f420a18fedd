import assert from 'node:assert/strict';
import {test} from 'node:test';
import {csvOf, daysBetween, heatOf, hourQuery, stackOf} from '../src/insights/series';

test('days without changes are there', () => {
  assert.deepEqual(daysBetween('2026-02-27', '2026-03-02'), ['2026-02-27', '2026-02-28', '2026-03-01', '2026-03-02']);
  const stack = stackOf([{key: '2026-11-18', count: 4, parts: {app: 1, sql: 3}, query: 'created:2026-11-18'}, {key: '2026-11-16', count: 2, parts: {app: 2}}]);
  assert.deepEqual(stack.days, ['2026-11-16', '2026-11-17', '2026-11-18']);
  assert.deepEqual(stack.parts, ['app', 'sql']);
  assert.deepEqual(stack.counts, [[2, 0, 1], [0, 0, 3]]);
  assert.deepEqual(stack.queries, ['created:2026-11-16', 'created:2026-11-17', 'created:2026-11-18']);
});

test('of many parts the smallest are told together, and none is lost', () => {
  const parts = Object.fromEntries(Array.from({length: 10}, (_, i) => [`p${i}`, i + 1]));
  const stack = stackOf([{key: '2026-11-16', count: 55, parts}]);
  assert.equal(stack.parts.length, 6);
  assert.equal(stack.parts[5], '');
  assert.equal(stack.counts.reduce((sum, row) => sum + row[0]!, 0), 55);
});

test('parts that are no news are left out', () => {
  const stack = stackOf([{key: '2026-11-16', count: 3, parts: {phone: 2, updated_at: 3}}, {key: '2026-11-17', count: 4, parts: {phone: 1, name: 4}}], part => part !== 'updated_at');
  assert.deepEqual(stack.parts, ['name', 'phone']);
  assert.deepEqual(stack.counts, [[0, 4], [2, 1]]);
});

test('hours of the week', () => {
  const heat = heatOf([{key: '1-09', count: 3}, {key: '7-23', count: 1}, {key: 'nonsense', count: 9}]);
  assert.equal(heat.counts[0]![9], 3);
  assert.equal(hourQuery('2026-11-10', '2026-11-24', 0, 9), 'created:2026-11-16T09:00..2026-11-16T09:59:59,2026-11-23T09:00..2026-11-23T09:59:59');
  assert.equal(heat.counts[6]![23], 1);
  assert.equal(heat.most, 3);
});

test('CSV that no spreadsheet executes', () => {
  const text = csvOf({name: 'x', columns: ['who', 'n'], rows: [['=1+1', 1], ['a,"b"', 2], ['आशा', -3]]});
  assert.equal(text, '\ufeffwho,n\r\n\'=1+1,1\r\n"a,""b""",2\r\nआशा,-3\r\n');
});
