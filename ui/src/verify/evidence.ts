// Evidence about entries (docs/format/evidence.md): header, values, path, checkpoint, each checked here.
import {concat, equal, fail, fromBase64, sha256, toHex, utf8} from './bytes';
import {openCheckpoint, parseVerifierKey, type Checkpoint, type VerifierKey} from './note';
import {decodeBody, decodeHeader, type Body, type Header} from './record';
import {HASH_BYTES, leafHash, verifyInclusion} from './tree';

export interface ProvenEntry {
  header: Header;
  body: Body | undefined; // gone when the values were erased or are locked
}

export interface Evidence {
  key: VerifierKey;
  checkpoint: Checkpoint;
  entries: ProvenEntry[];
}

const VERSION = 'rowledger evidence v1';

function bytesOf(text: string): Uint8Array {
  return text === '-' ? new Uint8Array() : fromBase64(text);
}

// trusted: the key that the log is known by. Throws Malformed, which says what is wrong.
export async function verifyEvidence(text: string, trusted: VerifierKey): Promise<Evidence> {
  const end = /(?:^|\n)end ([0-9a-f]{64})\n$/.exec(text);
  if (!end) fail('the evidence breaks off');
  const before = text.slice(0, text.length - 'end '.length - 64 - 1);
  if (toHex(sha256(utf8(before))) !== end[1]) fail('the evidence was altered on its way');
  const lines = before.slice(0, -1).split('\n').filter(line => !line.startsWith('#'));
  const next = (name: string): string => {
    const line = lines.shift();
    return line?.startsWith(`${name} `) ? line.slice(name.length + 1) : fail(`the evidence has no ${name} where it must be`);
  };
  if (lines.shift() !== VERSION) fail('this is no evidence of a version known here');
  next('about');
  const key = parseVerifierKey(next('key'));
  if (key.name !== trusted.name || key.id !== trusted.id || !equal(key.publicKey, trusted.publicKey)) fail('the evidence is of another log');
  const {checkpoint} = await openCheckpoint(bytesOf(next('checkpoint')), trusted);
  const count = Number(next('entries'));
  const entries: ProvenEntry[] = [];
  for (let i = 0; i < count; ++i) {
    const [seq, state] = next('entry').split(' ');
    const encoded = bytesOf(next('header'));
    const header = decodeHeader(encoded);
    if (String(header.seq) !== seq) fail('an entry has another number than its header');
    let body: Body | undefined;
    if (state === 'here') {
      const salt = bytesOf(next('salt')), values = bytesOf(next('body'));
      if (!equal(sha256(concat(utf8('rowledger values v1'), salt, values)), header.commitment)) fail('the values are not those that were recorded');
      body = decodeBody(values);
    }
    const path = bytesOf(next('path'));
    if (path.length % HASH_BYTES !== 0) fail('a path has a wrong length');
    const hashes = Array.from({length: path.length / HASH_BYTES}, (_, at) => path.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES));
    verifyInclusion(leafHash(encoded), header.seq, checkpoint.size, hashes, checkpoint.root);
    entries.push({header, body});
  }
  if (lines.length > 0) fail('something stands behind the last entry');
  return {key, checkpoint, entries};
}
