// Signed notes, verifier keys and checkpoints (docs/format/checkpoint.md; c2sp.org/signed-note, c2sp.org/tlog-checkpoint).
// As strict as src/ledger: what would read alike but is spelled otherwise is refused.
import {concat, equal, fail, fromBase64, sha256, toHex, utf8} from './bytes';
import {verifyEd25519, type Ed25519Source} from './ed25519';
import {EMPTY_ROOT, HASH_BYTES} from './tree';

const MAX_NOTE_BYTES = 1 << 20, MAX_SIGNATURES = 100, SIGNATURE_BYTES = 64, ED25519 = 1;
const MAX_TREE_SIZE = (1n << 63n) - 1n;

export interface VerifierKey {
  name: string;
  id: string; // eight hexadecimal digits
  publicKey: Uint8Array;
}

function isKeyName(name: string): boolean {
  return name !== '' && !/[\p{White_Space}+]/u.test(name) && !/[\u0000-\u001f]/.test(name);
}

export function keyId(name: string, publicKey: Uint8Array): string {
  return toHex(sha256(concat(utf8(name), Uint8Array.of(0x0a, ED25519), publicKey)).slice(0, 4));
}

// "name+hex(key id)+base64(0x01 || public key)"
export function parseVerifierKey(text: string): VerifierKey {
  const match = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/s.exec(text);
  if (!match || !isKeyName(match[1]!)) fail('this is no verifier key');
  const bytes = fromBase64(match[3]!);
  if (bytes.length !== 33 || bytes[0] !== ED25519) fail('this is no key of the type Ed25519');
  const key = {name: match[1]!, id: match[2]!, publicKey: bytes.slice(1)};
  if (keyId(key.name, key.publicKey) !== key.id) fail('the key’s id is not that of the key');
  return key;
}

export interface NoteSignature {
  name: string;
  keyId: string;
  signature: Uint8Array;
}

export interface Note {
  text: string; // with its last newline
  signatures: NoteSignature[];
}

function parseSignature(line: string): NoteSignature {
  const match = /^\u2014 ([^ ]+) ([^ ]+)$/.exec(line);
  if (!match || !isKeyName(match[1]!)) fail('this is no signature line');
  const bytes = fromBase64(match[2]!);
  if (bytes.length < 5) fail('the signature is too short');
  return {name: match[1]!, keyId: toHex(bytes.slice(0, 4)), signature: bytes.slice(4)};
}

// Takes a note apart without trusting it.
export function parseNote(bytes: Uint8Array): Note {
  if (bytes.length > MAX_NOTE_BYTES) fail('the note is too long');
  let all: string;
  try {
    all = new TextDecoder('utf-8', {fatal: true, ignoreBOM: true}).decode(bytes);
  } catch {
    fail('the note is no UTF-8');
  }
  if (/[\u0000-\u0009\u000b-\u001f]/.test(all)) fail('the note has control characters');
  const split = all.lastIndexOf('\n\n');
  if (split < 0 || !all.endsWith('\n')) fail('the note has no signatures');
  const text = all.slice(0, split + 1);
  const lines = all.slice(split + 2, -1).split('\n');
  if (text === '\n' || lines[0] === '') fail('the note has no signatures');
  if (lines.length > MAX_SIGNATURES) fail('the note has too many signatures');
  return {text, signatures: lines.map(parseSignature)};
}

// At least one signature is of the key, and every one that is, is right.
export async function checkNote(note: Note, key: VerifierKey): Promise<Ed25519Source> {
  let by: Ed25519Source | undefined;
  for (const each of note.signatures) {
    if (each.name !== key.name || each.keyId !== key.id) continue;
    if (each.signature.length !== SIGNATURE_BYTES) fail('the signature has a wrong length');
    const checked = await verifyEd25519(key.publicKey, utf8(note.text), each.signature);
    if (!checked.right) fail('the signature is wrong');
    by = checked.by;
  }
  return by ?? fail('the key did not sign this');
}

export interface Checkpoint {
  origin: string;
  size: bigint;
  root: Uint8Array;
}

export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.split('\n');
  if (lines.length < 4 || lines[lines.length - 1] !== '') fail('this is no checkpoint');
  const [origin, size, root] = lines as [string, string, string];
  if (origin === '' || lines.slice(0, -1).includes('')) fail('a line of the checkpoint is empty');
  if (!/^(0|[1-9][0-9]{0,18})$/.test(size) || BigInt(size) > MAX_TREE_SIZE) fail('the checkpoint’s size is no number');
  const hash = fromBase64(root);
  if (hash.length !== HASH_BYTES) fail('the checkpoint’s root has a wrong length');
  if (size === '0' && !equal(hash, EMPTY_ROOT)) fail('the empty tree has another root');
  return {origin, size: BigInt(size), root: hash};
}

// Parses and checks: signed by the key, whose name is the checkpoint's origin.
export async function openCheckpoint(bytes: Uint8Array, key: VerifierKey): Promise<{checkpoint: Checkpoint; by: Ed25519Source}> {
  const note = parseNote(bytes);
  const by = await checkNote(note, key);
  const checkpoint = parseCheckpoint(note.text);
  if (checkpoint.origin !== key.name) fail('the checkpoint is of another log than the key');
  return {checkpoint, by};
}
