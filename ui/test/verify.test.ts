// The verifier against what the C++ one is tested with: the tree of eight leaves that the Certificate Transparency project
// publishes, and the files of tests/golden/.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {equal, fromBase64, fromHex, toBase64, toHex, utf8} from '../src/verify/bytes';
import {verifyEd25519, verifyWithJavaScript} from '../src/verify/ed25519';
import {verifyEvidence} from '../src/verify/evidence';
import {openCheckpoint, parseCheckpoint, parseNote, parseVerifierKey} from '../src/verify/note';
import {parseTlogProof, verifyTlogProof} from '../src/verify/proof';
import {decodeHeader} from '../src/verify/record';
import {parseBundle, TiledTree, tilePath} from '../src/verify/tiles';
import {EMPTY_ROOT, leafHash, nodeHash, verifyConsistency, verifyInclusion} from '../src/verify/tree';
import {golden, goldenText} from './support';

const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map(fromHex);
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125', 'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7', '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef', 'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'].map(fromHex);
const [A, B, C, D, E, F, G, H, I] = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d', '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7',
  '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e', '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4',
  'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b', 'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7', '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125'].map(fromHex) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
const leaf = (index: number): Uint8Array => leafHash(LEAVES[index]!);

// Tiles of a tree in memory, made from its leaves.
function memoryTree(leaves: Uint8Array[], size = leaves.length): TiledTree {
  const levels = [leaves.slice(0, size)];
  while (levels[levels.length - 1]!.length >= 256) {
    const below = levels[levels.length - 1]!;
    const above: Uint8Array[] = [];
    for (let i = 0; i + 256 <= below.length; i += 256) {
      let row = below.slice(i, i + 256);
      while (row.length > 1) row = row.filter((_, at) => at % 2 === 0).map((left, at) => nodeHash(left, row[2 * at + 1]!));
      above.push(row[0]!);
    }
    levels.push(above);
  }
  return new TiledTree(size, (level, index, width) => {
    const hashes = levels[level]!.slice(index * 256, index * 256 + width);
    const out = new Uint8Array(hashes.length * 32);
    hashes.forEach((hash, i) => out.set(hash, i * 32));
    return Promise.resolve(out);
  });
}

test('roots of the known tree', async () => {
  assert.deepEqual(EMPTY_ROOT, ROOTS[0]);
  for (let size = 0; size <= 8; ++size) assert.equal(toHex(await memoryTree(LEAVES.map(leafHash), size).root()), toHex(ROOTS[size]!));
});

test('known inclusion proofs', async () => {
  const known: [number, number, Uint8Array[]][] = [[0, 1, []], [0, 8, [B, C, D]], [5, 8, [E, F, G]], [2, 3, [I]], [1, 5, [A, C, E]]];
  for (const [index, size, proof] of known) {
    verifyInclusion(leaf(index), BigInt(index), BigInt(size), proof, ROOTS[size]!);
    assert.deepEqual((await memoryTree(LEAVES.map(leafHash), size).inclusionProof(index)).map(toHex), proof.map(toHex));
  }
});

test('known consistency proofs', () => {
  const known: [number, number, Uint8Array[]][] = [[1, 1, []], [1, 8, [B, C, D]], [6, 8, [H, F, G]], [2, 5, [C, E]]];
  for (const [before, size, proof] of known) verifyConsistency(BigInt(before), ROOTS[before]!, BigInt(size), ROOTS[size]!, proof);
});

test('empty and equal trees', () => {
  const other = ROOTS[3]!;
  const refused: (() => void)[] = [
    () => verifyInclusion(other, 0n, 0n, [], EMPTY_ROOT), () => verifyInclusion(other, 1n, 1n, [], other),
    () => verifyConsistency(0n, other, 3n, other, []), () => verifyConsistency(0n, EMPTY_ROOT, 0n, other, []),
    () => verifyConsistency(0n, EMPTY_ROOT, 3n, other, [other]), () => verifyConsistency(3n, other, 3n, other, [other]),
    () => verifyConsistency(3n, other, 3n, ROOTS[4]!, []), () => verifyConsistency(4n, other, 3n, other, []), () => verifyConsistency(3n, other, 4n, ROOTS[4]!, []),
  ];
  for (const attempt of refused) assert.throws(attempt, attempt.toString());
  verifyInclusion(other, 0n, 1n, [], other);
  verifyConsistency(0n, EMPTY_ROOT, 0n, EMPTY_ROOT, []);
  verifyConsistency(0n, EMPTY_ROOT, 3n, other, []);
  verifyConsistency(3n, other, 3n, other, []);
});

// One hash more than the sizes call for, with roots that would follow from it.
test('proofs of taller trees are refused', () => {
  const [a, b, c, d, more] = [leaf(0), leaf(1), leaf(2), leaf(3), leaf(4)] as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const ab = nodeHash(a, b), cd = nodeHash(c, d);
  assert.throws(() => verifyInclusion(a, 0n, 1n, [b], ab));
  assert.throws(() => verifyInclusion(b, 0n, 1n, [a], ab));
  assert.throws(() => verifyInclusion(b, 1n, 2n, [a, cd], nodeHash(ab, cd)));
  assert.throws(() => verifyInclusion(b, 1n, 2n, [a, cd], nodeHash(cd, ab)));
  verifyConsistency(3n, nodeHash(ab, c), 4n, nodeHash(ab, cd), [c, d, ab]);
  assert.throws(() => verifyConsistency(3n, nodeHash(more, nodeHash(ab, c)), 4n, nodeHash(more, nodeHash(ab, cd)), [c, d, ab, more]));
});

test('a flipped bit anywhere in a proof is noticed', async () => {
  const tree = memoryTree(Array.from({length: 300}, (_, i) => leafHash(utf8(`entry ${i}`))));
  const root = await tree.root();
  for (const index of [0, 255, 256, 299]) {
    const proof = await tree.inclusionProof(index);
    const hash = leafHash(utf8(`entry ${index}`));
    verifyInclusion(hash, BigInt(index), 300n, proof, root);
    proof.forEach((_, at) => {
      const wrong = proof.map(each => each.slice());
      wrong[at]![at % 32]! ^= 1;
      assert.throws(() => verifyInclusion(hash, BigInt(index), 300n, wrong, root));
      assert.throws(() => verifyInclusion(hash, BigInt(index), 300n, proof.filter((__, i) => i !== at), root));
    });
    assert.throws(() => verifyInclusion(hash, BigInt(index), 300n, [...proof, root], root));
  }
});

const key = (): ReturnType<typeof parseVerifierKey> => parseVerifierKey(goldenText('ledger/verifier_key.txt').trim());

test('the golden checkpoint opens, and is the root of the entries it was made of', async () => {
  const {checkpoint} = await openCheckpoint(golden('ledger/checkpoint'), key());
  assert.equal(checkpoint.origin, 'rowledger.example/test');
  assert.equal(checkpoint.size, 300n);
  const tree = memoryTree(Array.from({length: 300}, (_, i) => leafHash(utf8(`entry ${i}`))));
  assert.equal(toBase64(await tree.root()), toBase64(checkpoint.root));
});

test('every altered byte of the checkpoint is noticed', async () => {
  const right = golden('ledger/checkpoint');
  for (let at = 0; at < right.length; ++at) {
    const wrong = right.slice();
    wrong[at]! ^= 1;
    await assert.rejects(openCheckpoint(wrong, key()), `byte ${at}`);
  }
});

test('notes have one spelling', () => {
  const right = goldenText('ledger/checkpoint');
  for (const wrong of [right.slice(0, -1), `${right}\n`, right.replace('\n\n', '\n'), right.replace('300\n', '0300\n'), right.replace('—', '-'), right.replace('300', '300\r'), ''])
    assert.throws(() => parseCheckpoint(parseNote(utf8(wrong)).text), JSON.stringify(wrong.slice(0, 80)));
  assert.throws(() => parseCheckpoint(`x\n0\n${toBase64(ROOTS[1]!)}\n`), 'the empty tree has its root');
  assert.throws(() => parseCheckpoint(`x\n9223372036854775808\n${toBase64(ROOTS[1]!)}\n`), 'more than there can be');
  assert.throws(() => parseVerifierKey('rowledger.example/test+671e5253+AVHdI6gQpsWDTO6fms/mQhW2UtbFSywAzzJFM6pVbCu2'), 'another id');
});

test('both implementations of Ed25519 agree on RFC 8032’s vectors', async () => {
  const vectors = [
    ['d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', '', 'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b'],
    ['3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c', '72', '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00'],
  ].map(each => each.map(fromHex)) as [Uint8Array, Uint8Array, Uint8Array][];
  for (const [publicKey, text, signature] of vectors) {
    assert.equal((await verifyEd25519(publicKey, text, signature)).right, true);
    assert.equal(verifyWithJavaScript(publicKey, text, signature), true);
    const wrong = signature.slice();
    wrong[40]! ^= 4;
    assert.equal((await verifyEd25519(publicKey, text, wrong)).right, false);
    assert.equal(verifyWithJavaScript(publicKey, text, wrong), false);
  }
});

test('without WebCrypto the signature is checked all the same', async () => {
  const own = Object.getOwnPropertyDescriptor(globalThis, 'crypto');
  Object.defineProperty(globalThis, 'crypto', {value: {}, configurable: true});
  try {
    assert.equal((await openCheckpoint(golden('ledger/checkpoint'), key())).by, 'javascript');
  } finally {
    if (own) Object.defineProperty(globalThis, 'crypto', own);
    else delete (globalThis as {crypto?: unknown}).crypto;
  }
});

test('the golden proof of an entry', async () => {
  const text = goldenText('ledger/258.tlog-proof');
  assert.equal((await verifyTlogProof(utf8('entry 258'), text, key())).index, 258n);
  await assert.rejects(verifyTlogProof(utf8('entry 259'), text, key()));
  await assert.rejects(verifyTlogProof(utf8('entry 258'), text.replace('index 258', 'index 257'), key()));
  assert.throws(() => parseTlogProof(text.replace('@v1', '@v2')));
  assert.throws(() => parseTlogProof(text.replace('index 258', 'index 0258')));
});

test('tile paths', () => {
  const known = new Set(goldenText('ledger/tile_paths.txt').trim().split('\n'));
  for (const index of [0, 67, 999, 1000, 1234067]) {
    for (const made of [tilePath(0, index), tilePath(2, index, 1), tilePath(63, index, 255), tilePath('entries', index), tilePath('entries', index, 12)])
      assert.ok(known.has(made), made);
  }
});

test('tiles are checked against the level above', async () => {
  const leaves = Array.from({length: 70_000}, (_, i) => leafHash(utf8(`entry ${i}`)));
  const tree = memoryTree(leaves);
  assert.deepEqual([0, 1, 2, 3].map(level => tree.countOfTiles(level)), [274, 2, 1, 0]);
  await tree.checkTile(0, 5);
  await tree.checkTile(1, 0);
  const altered = [...leaves];
  altered[5 * 256 + 7] = leafHash(utf8('another entry'));
  const honest = memoryTree(leaves), lying = new TiledTree(70_000, (level, index, width) =>
    (level === 0 ? memoryTree(altered) : honest).hashesOf(level, index).then(hashes => {
      const out = new Uint8Array(width * 32);
      hashes.slice(0, width).forEach((hash, i) => out.set(hash, i * 32));
      return out;
    }));
  await assert.rejects(lying.checkTile(0, 5));
  await lying.checkTile(0, 6);
  // The root that the tree had at an older size, for whoever remembers one.
  assert.ok(equal(await tree.root(300), await memoryTree(leaves, 300).root()));
});

test('entry bundles', () => {
  assert.deepEqual(parseBundle(Uint8Array.of(0, 2, 7, 8, 0, 0), 2).map(each => [...each]), [[7, 8], []]);
  for (const wrong of [[0, 2, 7], [0], [0, 1, 7, 9]]) assert.throws(() => parseBundle(Uint8Array.from(wrong), 1));
});

test('a golden header', () => {
  const hex = goldenText('entry/header-full.hex').split('\n').map(line => line.replace(/#.*/, '').replaceAll(' ', '')).join('');
  const header = decodeHeader(fromHex(hex));
  assert.equal(header.kind, 'update');
  assert.equal(header.seq, 1207n);
  assert.equal(header.table, 'public.contacts');
  assert.equal(header.tenant, '1');
  assert.equal(new Date(Number(header.committedAt! / 1000n)).toISOString(), '2026-11-23T09:30:01.123Z');
  assert.equal(toHex(header.commitment).slice(0, 8), 'c0c1c2c3');
  assert.throws(() => decodeHeader(fromHex(hex.slice(0, -2))));
  assert.throws(() => decodeHeader(fromHex(`${hex}00`)));
});

test('golden evidence, and every altered line of it', async () => {
  const text = goldenText('evidence/two.evidence');
  const evidence = await verifyEvidence(text, key());
  assert.equal(evidence.entries.length, 2);
  const lines = text.split('\n');
  for (const [i, line] of lines.entries()) {
    if (line === '' || line.startsWith('#') || line.startsWith('about ')) continue;
    const at = line.length - 5;
    const wrong = [...lines.slice(0, i), line.slice(0, at) + (line[at] === 'A' ? 'B' : 'A') + line.slice(at + 1), ...lines.slice(i + 1)].join('\n');
    await assert.rejects(verifyEvidence(wrong, key()), line.slice(0, 60));
  }
});

test('base64 has one spelling', () => {
  assert.deepEqual([...fromBase64('AQI=')], [1, 2]);
  for (const wrong of ['AQI', 'AQJ=', 'AQ==\n', 'A===', '-_==']) assert.throws(() => fromBase64(wrong), wrong);
});
