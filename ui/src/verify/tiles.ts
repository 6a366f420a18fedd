// Tiles of C2SP tlog-tiles (docs/format/tree.md): from them every hash of the tree is computed, and by it every tile is
// checked.
import {equal, fail} from './bytes';
import {EMPTY_ROOT, HASH_BYTES, nodeHash} from './tree';

export const TILE_WIDTH = 256;

// "tile/0/x001/067", "tile/1/000.p/17"
export function tilePath(level: number | 'entries', index: number, width = TILE_WIDTH): string {
  let name = String(index % 1000).padStart(3, '0');
  for (let rest = Math.floor(index / 1000); rest > 0; rest = Math.floor(rest / 1000)) name = `x${String(rest % 1000).padStart(3, '0')}/${name}`;
  return `tile/${level}/${name}${width === TILE_WIDTH ? '' : `.p/${width}`}`;
}

export type FetchTile = (level: number, index: number, width: number) => Promise<Uint8Array>;

function largestPowerBelow(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

// The root of 2^k hashes that stand side by side.
function rootOf(hashes: Uint8Array[]): Uint8Array {
  let row = hashes;
  while (row.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i < row.length; i += 2) above.push(nodeHash(row[i]!, row[i + 1]!));
    row = above;
  }
  return row[0]!;
}

// The tree of a size, as its tiles tell it. What they say is worth nothing until its root is the one that was signed.
export class TiledTree {
  private readonly tiles = new Map<string, Promise<Uint8Array[]>>();

  constructor(readonly size: number, private readonly fetchTile: FetchTile) {}

  countOfTiles(level: number): number {
    return Math.ceil(Math.floor(this.size / TILE_WIDTH ** level) / TILE_WIDTH);
  }

  widthOfTile(level: number, index: number): number {
    return Math.min(TILE_WIDTH, Math.floor(this.size / TILE_WIDTH ** level) - index * TILE_WIDTH);
  }

  hashesOf(level: number, index: number): Promise<Uint8Array[]> {
    const id = `${level}/${index}`;
    let found = this.tiles.get(id);
    if (!found) this.tiles.set(id, (found = this.load(level, index)));
    return found;
  }

  private async load(level: number, index: number): Promise<Uint8Array[]> {
    const width = this.widthOfTile(level, index);
    const bytes = await this.fetchTile(level, index, width);
    if (bytes.length !== width * HASH_BYTES) fail(`tile ${tilePath(level, index, width)} has a wrong length`);
    return Array.from({length: width}, (_, i) => bytes.slice(i * HASH_BYTES, (i + 1) * HASH_BYTES));
  }

  // The root of the leaves [start, start + count).
  async hash(start: number, count: number): Promise<Uint8Array> {
    const isWhole = (count & (count - 1)) === 0 && start % count === 0;
    if (!isWhole) {
      const left = largestPowerBelow(count);
      return nodeHash(await this.hash(start, left), await this.hash(start + left, count - left));
    }
    let level = 0, unit = 1;
    while (count / unit >= TILE_WIDTH) {
      unit *= TILE_WIDTH;
      ++level;
    }
    const first = start / unit;
    const tile = await this.hashesOf(level, Math.floor(first / TILE_WIDTH));
    const at = first % TILE_WIDTH;
    return rootOf(tile.slice(at, at + count / unit));
  }

  // The root that the tree had when it had so many leaves.
  async root(size = this.size): Promise<Uint8Array> {
    return size === 0 ? EMPTY_ROOT : this.hash(0, size);
  }

  // The audit path of RFC 6962 section 2.1.1, from the leaf's sibling upwards.
  async inclusionProof(index: number): Promise<Uint8Array[]> {
    const walk = async (start: number, count: number): Promise<Uint8Array[]> => {
      if (count === 1) return [];
      const left = largestPowerBelow(count);
      return index < start + left
        ? [...await walk(start, left), await this.hash(start + left, count - left)]
        : [...await walk(start + left, count - left), await this.hash(start, left)];
    };
    return walk(0, this.size);
  }

  // A full tile's root stands in its place of the level above.
  async checkTile(level: number, index: number): Promise<void> {
    if (this.widthOfTile(level, index) < TILE_WIDTH) return; // part of the root itself
    const above = await this.hashesOf(level + 1, Math.floor(index / TILE_WIDTH));
    if (!equal(rootOf(await this.hashesOf(level, index)), above[index % TILE_WIDTH]!)) fail(`tile ${tilePath(level, index)} is not the one that was signed`);
  }
}

// An entry bundle: each entry behind its length, a big-endian uint16.
export function parseBundle(bytes: Uint8Array, width: number): Uint8Array[] {
  const entries: Uint8Array[] = [];
  let at = 0;
  for (let i = 0; i < width; ++i) {
    if (at + 2 > bytes.length) fail('the entry bundle ends early');
    const length = bytes[at]! * 256 + bytes[at + 1]!;
    if (at + 2 + length > bytes.length) fail('the entry bundle ends early');
    entries.push(bytes.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  if (at !== bytes.length) fail('something stands behind the entry bundle');
  return entries;
}
