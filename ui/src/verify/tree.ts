// The hashes of RFC 6962 and the checks of RFC 9162 sections 2.1.3.2 and 2.1.4.2: proofs about a tree of which only a root
// is known. The same as src/ledger/verifier.cc, and tested with its vectors.
import {concat, equal, fail, sha256} from './bytes';

export const HASH_BYTES = 32;
export const EMPTY_ROOT = sha256(new Uint8Array());

export function leafHash(entry: Uint8Array): Uint8Array {
  return sha256(concat(Uint8Array.of(0), entry));
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(concat(Uint8Array.of(1), left, right));
}

// The leaf with this hash stands at index in the tree of that size and root. Throws Malformed when it does not.
export function verifyInclusion(leaf: Uint8Array, index: bigint, size: bigint, proof: Uint8Array[], root: Uint8Array): void {
  if (index >= size) fail('the entry would stand behind the tree’s end');
  let fn = index, sn = size - 1n, hash = leaf;
  for (const other of proof) {
    if (sn === 0n) fail('the proof has too many hashes');
    if ((fn & 1n) === 1n || fn === sn) {
      hash = nodeHash(other, hash);
      while ((fn & 1n) === 0n && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      hash = nodeHash(hash, other);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  if (sn !== 0n) fail('the proof has too few hashes');
  if (!equal(hash, root)) fail('the proof leads to another root');
}

// The tree of the new size and root begins with all the leaves of the old one.
export function verifyConsistency(oldSize: bigint, oldRoot: Uint8Array, size: bigint, root: Uint8Array, proof: Uint8Array[]): void {
  if (oldSize > size) fail('the log is shorter than before');
  if (oldSize === 0n || oldSize === size) {
    if (proof.length > 0) fail('the proof has too many hashes');
    if (oldSize === 0n && !equal(oldRoot, EMPTY_ROOT)) fail('the empty tree has another root');
    if (size === 0n && !equal(root, EMPTY_ROOT)) fail('the empty tree has another root');
    if (oldSize === size && !equal(oldRoot, root)) fail('the same size has another root');
    return;
  }
  const hashes = [...proof];
  if ((oldSize & (oldSize - 1n)) === 0n) hashes.unshift(oldRoot);
  const first = hashes.shift();
  if (!first) fail('the proof has too few hashes');
  let fn = oldSize - 1n, sn = size - 1n;
  while ((fn & 1n) === 1n) {
    fn >>= 1n;
    sn >>= 1n;
  }
  let before = first, after = first;
  for (const other of hashes) {
    if (sn === 0n) fail('the proof has too many hashes');
    if ((fn & 1n) === 1n || fn === sn) {
      before = nodeHash(other, before);
      after = nodeHash(other, after);
      while ((fn & 1n) === 0n && fn !== 0n) {
        fn >>= 1n;
        sn >>= 1n;
      }
    } else {
      after = nodeHash(after, other);
    }
    fn >>= 1n;
    sn >>= 1n;
  }
  if (sn !== 0n) fail('the proof has too few hashes');
  if (!equal(before, oldRoot)) fail('the log no longer begins as it did');
  if (!equal(after, root)) fail('the proof leads to another root');
}
