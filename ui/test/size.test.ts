// What a first visit fetches: page, style, scripts that the page names, the language. Without fonts at most 60 kB, gzipped.
import assert from 'node:assert/strict';
import {execFileSync} from 'node:child_process';
import {mkdtempSync, readdirSync, readFileSync, rmSync, statSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {test} from 'node:test';
import {uiFolder} from './support';

const MOST_BYTES = 60_000;

test('the first load is small', () => {
  const out = mkdtempSync(join(tmpdir(), 'rowledger-ui-size-'));
  try {
    execFileSync(process.execPath, [join(uiFolder, 'build.mjs'), '--out', out]);
    const html = readFileSync(join(out, 'index.html'), 'utf8');
    const named = [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+\.(?:js|css|svg))"/g)].map(match => match[1]!);
    for (const language of ['en', 'hi']) {
      // The language's chunk, and what it is made of.
      const chunk = readdirSync(join(out, 'assets')).find(name => name.startsWith(`${language}-`) && name.endsWith('.js'))!;
      const imported = [...readFileSync(join(out, 'assets', chunk), 'utf8').matchAll(/from"(?:\.\/|\/assets\/)([^"]+)"/g)].map(match => `/assets/${match[1]!}`);
      const all = new Set(['/index.html', ...named, `/assets/${chunk}`, ...imported]);
      const bytes = [...all].reduce((sum, path) => sum + statSync(join(out, `${path}.gz`)).size, 0);
      console.log(`first load (${language}): ${bytes} bytes gzipped in ${all.size} files`);
      assert.ok(all.size > 5 && bytes > 10_000, 'it looks at the right files');
      assert.ok(bytes <= MOST_BYTES, `${bytes} bytes`);
    }
  } finally {
    rmSync(out, {recursive: true, force: true});
  }
});
