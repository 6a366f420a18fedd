// Builds the UI: node build.mjs [--out DIR] [--watch]
// Every file but index.html has a hash of its content in its name, so that it can be cached for ever. Beside each text
// file stands its gzip, as it is served.
import {build, context} from 'esbuild';
import {mkdir, readFile, rm, writeFile} from 'node:fs/promises';
import {createHash} from 'node:crypto';
import {basename, dirname, extname, join, relative, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {gzipSync} from 'node:zlib';

const here = dirname(fileURLToPath(import.meta.url));
const option = name => {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
};
const out = resolve(option('--out') ?? join(here, 'dist'));
const TEXTS = new Set(['.js', '.css', '.html', '.svg']);

const options = {
  absWorkingDir: here,
  entryPoints: ['src/main.tsx', 'src/styles/app.css'],
  bundle: true,
  splitting: true,
  format: 'esm',
  minify: true,
  target: ['chrome100', 'firefox100', 'safari15.4'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  charset: 'utf8',
  legalComments: 'none',
  metafile: true,
  write: false,
  outdir: 'assets',
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  loader: {'.woff2': 'file', '.svg': 'file'},
  publicPath: '/assets',
  logLevel: 'warning',
};

// What the first view fetches beside its script: the chunks that it imports at once.
function staticImports(metafile, entry) {
  const seen = new Set();
  const visit = path => {
    for (const each of metafile.outputs[path]?.imports ?? [])
      if (each.kind === 'import-statement' && !seen.has(each.path)) {
        seen.add(each.path);
        visit(each.path);
      }
  };
  visit(entry);
  return [...seen];
}

async function write(result) {
  const files = new Map(result.outputFiles.map(file => [relative(here, file.path), Buffer.from(file.contents)]));
  const find = pattern => [...files.keys()].find(path => pattern.test(path)) ?? (() => { throw new Error(`the build has no ${pattern}`); })();
  // No SVG: a browser would lay it out anew, in the page's own thread, whenever the address changes.
  const icon = await readFile(join(here, 'src/icon.png'));
  const iconPath = `assets/icon-${createHash('sha256').update(icon).digest('hex').slice(0, 8)}.png`;
  files.set(iconPath, icon);
  const script = find(/^assets\/main-.*\.js$/);
  const address = path => `/assets/${basename(path)}`;
  const html = (await readFile(join(here, 'src/index.html'), 'utf8'))
    .replace('%icon%', address(iconPath))
    .replace('%font%', address(find(/^assets\/heebo-latin-wght-normal-.*\.woff2$/)))
    .replace('%style%', address(find(/^assets\/app-.*\.css$/)))
    .replace('%script%', address(script))
    .replace('%preloads%', staticImports(result.metafile, script).map(path => `<link rel="modulepreload" href="${address(path)}">`).join('\n  '));
  files.set('index.html', Buffer.from(html));
  await rm(out, {recursive: true, force: true});
  await mkdir(join(out, 'assets'), {recursive: true});
  for (const [path, bytes] of files) {
    await writeFile(join(out, path), bytes);
    if (TEXTS.has(extname(path))) await writeFile(join(out, `${path}.gz`), gzipSync(bytes, {level: 9}));
  }
}

if (process.argv.includes('--watch')) {
  const watcher = await context({...options, minify: false, plugins: [{name: 'write', setup: each => each.onEnd(result => (result.errors.length > 0 ? undefined : write(result)))}]});
  await watcher.watch();
} else {
  await write(await build(options));
}
