// Serves dist/ and passes the API on to a daemon's Unix socket: node dev/serve.mjs SOCKET [PORT]
// For working on the page: with `node build.mjs --watch` beside it, a reload shows the change. The socket is its owner's, so
// everything is seen; sign-in, masks and tenants need the daemon's own port.
import {createServer, request} from 'node:http';
import {readFile} from 'node:fs/promises';
import {extname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const [socketPath, port = '7080'] = process.argv.slice(2);
if (!socketPath) {
  console.error('node dev/serve.mjs SOCKET [PORT]');
  process.exit(2);
}
const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const TYPES = {'.js': 'text/javascript', '.css': 'text/css', '.html': 'text/html; charset=utf-8', '.svg': 'image/svg+xml', '.woff2': 'font/woff2'};
// As the daemon sends it (src/api/ui_files.cc).
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

createServer(async (incoming, outgoing) => {
  const {pathname} = new URL(incoming.url, 'http://localhost');
  if (/^\/(v1|tlog)\//.test(pathname)) {
    const passed = request({socketPath, path: incoming.url, method: incoming.method, headers: {...incoming.headers, host: 'localhost'}}, answer => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
    });
    passed.on('error', () => outgoing.writeHead(502).end());
    outgoing.on('close', () => passed.destroy());
    incoming.pipe(passed);
    return;
  }
  const path = pathname.startsWith('/assets/') ? pathname.slice(1) : 'index.html';
  try {
    const body = await readFile(join(dist, path));
    outgoing.writeHead(200, {'Content-Type': TYPES[extname(path)] ?? 'application/octet-stream', 'Content-Security-Policy': POLICY, 'Cache-Control': 'no-store'}).end(body);
  } catch {
    outgoing.writeHead(404).end();
  }
}).listen(Number(port), '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/`));
