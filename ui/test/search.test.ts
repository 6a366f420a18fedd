import assert from 'node:assert/strict';
import {test} from 'node:test';
import {wordAt} from '../src/search/completion';
import {fromBytes, isPlain, namesHousekeeping, termsOf, toggleValue, valueOf, withoutTerm, withTerm} from '../src/search/terms';
import {withParameters} from '../src/base/router';

test('a search’s parts', () => {
  const texts = (q: string): string[] => termsOf(q).map(term => term.text);
  assert.deepEqual(texts('field:phone  -via:sql,job "two words" (a OR b)'), ['field:phone', '-via:sql,job', '"two words"', '(a OR b)']);
  assert.deepEqual(texts('new.name:"Asha \\"x\\" K" 9198'), ['new.name:"Asha \\"x\\" K"', '9198']);
  assert.deepEqual(texts('never "closed'), ['never', '"closed']);
  const [first, second] = termsOf('new.fields.age_group.value:"19 or above" -actor:priya');
  assert.deepEqual([first!.key, first!.values, second!.key, second!.negated], ['new.fields.age_group.value', '"19 or above"', 'actor', true]);
});

test('parts come and go', () => {
  const q = 'field:phone via:sql key:42';
  assert.equal(withoutTerm(q, termsOf(q)[1]!), 'field:phone key:42');
  assert.equal(withTerm('field:phone', 'via:sql'), 'field:phone via:sql');
  assert.equal(withTerm('a OR b', 'via:sql'), '(a OR b) via:sql');
  assert.equal(withTerm('via:sql', 'via:sql'), 'via:sql');
  assert.equal(toggleValue('via:app x', 'via', 'sql'), 'x via:sql');
  assert.equal(toggleValue('via:sql x', 'via', 'sql'), 'x');
  assert.equal(toggleValue('-via:sql', 'via', 'sql'), '-via:sql via:sql');
  assert.equal(valueOf('a created:>=now-7d', 'created'), '>=now-7d');
  assert.equal(isPlain('a OR b'), false);
  assert.equal(namesHousekeeping('-is:bulk,housekeeping'), true);
});

test('places of errors are told in bytes', () => {
  const text = 'name:आशा tennant:1';
  const bytes = new TextEncoder().encode('name:आशा ').length;
  assert.equal(text.slice(fromBytes(text, bytes)), 'tennant:1');
  assert.equal(fromBytes('👩 x', 5), 3);
});

test('the word at the caret', () => {
  assert.deepEqual(wordAt('field:phone act', 15), {start: 12, word: 'act'});
  assert.deepEqual(wordAt('actor:"Priya R', 14), {start: 0, word: 'actor:"Priya R'});
  assert.deepEqual(wordAt('(via:', 5), {start: 1, word: 'via:'});
});

test('addresses keep what is not changed', () => {
  const at = {path: '/', parameters: new URLSearchParams('q=a b&open=7')};
  assert.equal(withParameters(at, {open: null}), '/?q=a+b');
  assert.equal(withParameters(at, {q: '', open: null}), '/');
});
