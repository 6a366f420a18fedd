// Runs the unit tests with Node's own runner: node test/run.mjs [NAME...]
// esbuild makes one file of each test, for Node 18 does not read TypeScript.
import {build} from 'esbuild';
import {spawnSync} from 'node:child_process';
import {mkdtempSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {basename, dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const names = process.argv.slice(2);
const tests = readdirSync(here).filter(name => name.endsWith('.test.ts') || name.endsWith('.test.tsx'))
  .filter(name => names.length === 0 || names.some(each => name.startsWith(each)));
const out = mkdtempSync(join(tmpdir(), 'rowledger-ui-test-'));
try {
  await build({
    absWorkingDir: dirname(here), entryPoints: tests.map(name => join(here, name)), outdir: out, outExtension: {'.js': '.mjs'},
    bundle: true, format: 'esm', platform: 'node', target: 'node18', sourcemap: 'inline', jsx: 'automatic', jsxImportSource: 'preact',
    // What a browser has and Node has not, as far as modules look at it when they are loaded.
    banner: {js: `
globalThis.location ??= {pathname: '/', search: '', hash: '', origin: 'http://localhost'};
globalThis.addEventListener ??= () => undefined;
if (globalThis.navigator === undefined) globalThis.navigator = {};
if (navigator.languages === undefined) Object.defineProperty(globalThis, 'navigator', {value: {languages: ['en']}});`},
    define: {UI_FOLDER: JSON.stringify(dirname(here))}, logLevel: 'warning',
  });
  const files = tests.map(name => join(out, basename(name).replace(/\.tsx?$/, '.mjs')));
  const done = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...files], {stdio: 'inherit', env: {...process.env, TZ: 'Asia/Kolkata'}});
  process.exitCode = done.status ?? 1;
} finally {
  rmSync(out, {recursive: true, force: true});
}
