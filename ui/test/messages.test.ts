// Every message is used, every one used is there, and every language has all of them.
import assert from 'node:assert/strict';
import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {test} from 'node:test';
import {en} from '../src/i18n/en';
import {hi} from '../src/i18n/hi';
import {pseudo} from '../src/i18n/pseudo';
import {formatNumber, t, useMessages, type MessageKey} from '../src/i18n';
import {uiFolder} from './support';

function sources(folder: string): string[] {
  return readdirSync(folder, {withFileTypes: true}).flatMap(each => {
    const path = join(folder, each.name);
    if (each.isDirectory()) return each.name === 'i18n' ? [] : sources(path);
    return /\.tsx?$/.test(each.name) ? [path] : [];
  });
}
const code = [...sources(join(uiFolder, 'src')), join(uiFolder, 'src/i18n/time.ts')].map(path => readFileSync(path, 'utf8')).join('\n');

// 'a.b' as it stands, and `a.${x}.b` as a pattern.
const literals = new Set([...code.matchAll(/'([a-z][a-z_]*(?:\.[a-z0-9_-]+)+)'/g)].map(match => match[1]!));
const patterns = [...code.matchAll(/`([a-z][a-z_]*\.(?:[^`$]|\$\{[^}]*\})*)`/g)].map(match => match[1]!).filter(text => text.includes('${'))
  .map(text => new RegExp(`^${text.split(/\$\{[^}]*\}/).map(part => part.replaceAll('.', '\\.')).join('[^.]+')}$`));

const textsOf = (message: string | {one: string; other: string}): string[] => (typeof message === 'string' ? [message] : [message.one, message.other]);
const placeholders = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map(match => match[1]!).sort();

test('no message is unused', () => {
  const unused = Object.keys(en).filter(key => !literals.has(key) && !patterns.some(pattern => pattern.test(key)));
  assert.deepEqual(unused, []);
});

test('no message is missing', () => {
  const asked = [...code.matchAll(/\b(?:t|rich)\(\s*'([^']+)'/g)].map(match => match[1]!);
  assert.ok(asked.length > 200);
  assert.deepEqual([...new Set(asked)].filter(key => !(key in en)), []);
});

test('a word in the code is no text for people', () => {
  // Text between tags, other than marks and names of formats.
  const texts = [...code.matchAll(/>([^<>{}\n]*[A-Za-z]{3}[^<>{}\n]*)</g)].map(match => match[1]!.trim())
    // A single word may be code (Promise<...>).
    .filter(text => /\s/.test(text) && !/[=;()|&?:]|=>/.test(text) && !['Rowledger', 'CSV', 'PNG', 'LSN', 'SHA-256'].includes(text));
  assert.deepEqual(texts, []);
});

for (const [name, messages] of Object.entries({hi, pseudo})) {
  test(`${name} has every message, with its gaps`, () => {
    assert.deepEqual(Object.keys(messages).sort(), Object.keys(en).sort());
    for (const key of Object.keys(en) as MessageKey[]) {
      const [ours, theirs] = [textsOf(en[key]), textsOf(messages[key])];
      assert.equal(theirs.length, ours.length, key);
      theirs.forEach((text, i) => {
        assert.notEqual(text.trim(), '', key);
        assert.deepEqual(placeholders(text), placeholders(ours[i]!), key);
      });
    }
  });
}

test('Hindi is Hindi', () => {
  const same = new Set(['prefs.zone.utc', 'via.sql', 'export.csv', 'export.ndjson', 'export.cloudevents', 'export.ocsf', 'status.slot', 'search.key.is', 'fold.import']);
  for (const [key, message] of Object.entries(hi))
    if (!same.has(key)) for (const text of textsOf(message)) assert.match(text.replace(/\{\w+\}/g, ''), /[\u0900-\u097f]/, key);
});

test('plural forms and numbers are the language’s', () => {
  useMessages(en, 'en');
  assert.equal(t('count.contacts', {n: 1}), '1 contact');
  assert.equal(t('count.contacts', {n: 120_400}), '1,20,400 contacts');
  useMessages(hi, 'hi');
  assert.equal(t('activity.new', {n: 0}), '0 नया बदलाव');
  assert.equal(t('activity.new', {n: 3}), '3 नए बदलाव');
  assert.equal(formatNumber(1_204), '1,204');
});
