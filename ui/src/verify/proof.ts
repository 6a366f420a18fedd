// A tlog-proof (c2sp.org/tlog-proof, docs/format/checkpoint.md): one entry is in the log.
import {fail, fromBase64, utf8} from './bytes';
import {openCheckpoint, type Checkpoint, type VerifierKey} from './note';
import {HASH_BYTES, leafHash, verifyInclusion} from './tree';

const MAX_HASHES = 63;

export interface TlogProof {
  index: bigint;
  hashes: Uint8Array[];
  checkpoint: string;
}

export function parseTlogProof(text: string): TlogProof {
  const split = text.indexOf('\n\n');
  if (split < 0) fail('this is no proof');
  const lines = text.slice(0, split).split('\n');
  if (lines.shift() !== 'c2sp.org/tlog-proof@v1') fail('this is no proof of a version known here');
  if (lines[0]?.startsWith('extra ')) {
    if (fromBase64(lines.shift()!.slice(6)).length === 0) fail('an extra line without anything');
  }
  const index = /^index (0|[1-9][0-9]{0,18})$/.exec(lines.shift() ?? '');
  if (!index) fail('the proof has no index');
  if (lines.length > MAX_HASHES) fail('the proof has too many hashes');
  const hashes = lines.map(fromBase64);
  if (hashes.some(hash => hash.length !== HASH_BYTES)) fail('a hash of the proof has a wrong length');
  return {index: BigInt(index[1]!), hashes, checkpoint: text.slice(split + 2)};
}

export async function verifyTlogProof(entry: Uint8Array, text: string, key: VerifierKey): Promise<{index: bigint; checkpoint: Checkpoint}> {
  const proof = parseTlogProof(text);
  const {checkpoint} = await openCheckpoint(utf8(proof.checkpoint), key);
  verifyInclusion(leafHash(entry), proof.index, checkpoint.size, proof.hashes, checkpoint.root);
  return {index: proof.index, checkpoint};
}
