// Runs the tests in Chromium: node e2e/run.mjs --program ROWLEDGER --dir DIR [--only PATTERN] [--shots] [--keep] [--ready FILE]
// A demo in DIR is what they look at: the built daemon, a real PostgreSQL, a week of changes. --ready names one that runs
// already (scripts/demo/demo.py --ready). Screenshots go to DIR/screenshots: of each view in English, with --shots in every
// language and width. --bench measures instead: `name value` lines; --pictures FOLDER takes the README's pictures.
import {build} from 'esbuild';
import {spawn, spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, rmSync} from 'node:fs';
import {createServer} from 'node:net';
import {dirname, join, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';

const ui = dirname(dirname(fileURLToPath(import.meta.url)));
const option = name => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
};
const program = resolve(option('--program') ?? join(ui, '../build/rowledger'));
const dir = resolve(option('--dir') ?? join(ui, '../build/ui-e2e'));
const START_MS = 120_000;

const isFree = port => new Promise(done => {
  const server = createServer().on('error', () => done(false)).listen(port, '127.0.0.1', () => server.close(() => done(true)));
});
// Below the range that the kernel hands out: it is to be free still when the server takes it, some seconds later.
async function freePort() {
  while (true) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (await isFree(port)) return port;
  }
}

async function startDemo(ready) {
  mkdirSync(dir, {recursive: true});
  rmSync(ready, {force: true});
  const demo = spawn('/usr/bin/python3', ['-B', join(ui, '../scripts/demo/demo.py'), '--program', program, '--dir', join(dir, 'demo'), '--still',
    '--port', String(await freePort()), '--http-port', String(await freePort()), '--ready', ready], {stdio: ['ignore', 'pipe', 'inherit']});
  let said = '';
  demo.stdout.on('data', data => { said += data; });
  for (const end = Date.now() + START_MS; !existsSync(ready);) {
    if (demo.exitCode !== null || Date.now() > end) throw new Error(`the demo did not start:\n${said}`);
    await new Promise(done => setTimeout(done, 100));
  }
  return demo;
}

async function bundle(name) {
  const out = join(ui, 'node_modules/.cache/rowledger-e2e');
  await build({
    absWorkingDir: ui, entryPoints: [`e2e/${name}.ts`], outdir: out, outExtension: {'.js': '.mjs'}, bundle: true, packages: 'external',
    format: 'esm', platform: 'node', target: 'node18', sourcemap: 'inline', logLevel: 'warning',
  });
  return join(out, `${name}.mjs`);
}

const ready = resolve(option('--ready') ?? join(dir, 'ready.json'));
const demo = option('--ready') ? undefined : await startDemo(ready);
try {
  const only = option('--only');
  const pictures = option('--pictures');
  const what = process.argv.includes('--bench') ? [await bundle('bench')] : pictures ? [await bundle('pictures')] : ['--test', ...(only ? [`--test-name-pattern=${only}`] : []), await bundle('ui.e2e')];
  const done = spawnSync(process.execPath, ['--enable-source-maps', ...what], {
    stdio: 'inherit', env: {...process.env, ROWLEDGER_READY: ready, ROWLEDGER_SHOTS: join(dir, 'screenshots'), ...(process.argv.includes('--shots') ? {ROWLEDGER_ALL_SHOTS: '1'} : {}), ...(pictures ? {ROWLEDGER_PICTURES: resolve(pictures)} : {})},
  });
  process.exitCode = done.status ?? 1;
} finally {
  if (demo && !process.argv.includes('--keep')) {
    demo.kill('SIGTERM');
    await new Promise(done => demo.on('exit', done));
  }
}
