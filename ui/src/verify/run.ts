// The verification that the Integrity view runs: everything is fetched, computed and compared here, in the browser.
import {ApiError, request} from '../base/api';
import {equal, fromBase64, Malformed, toBase64} from './bytes';
import {openCheckpoint, parseVerifierKey, type Checkpoint} from './note';
import {parseBundle, TiledTree, tilePath, TILE_WIDTH} from './tiles';
import {leafHash} from './tree';

export type StepName = 'checkpoint' | 'signature' | 'root' | 'tiles' | 'entries' | 'growth';
export interface Step {
  name: StepName;
  state: 'busy' | 'good' | 'bad' | 'skipped';
  // What the words need: sizes, counts, why.
  facts: {[name: string]: string | number};
}

// So many tiles are all fetched (3 MB); of more, that many by chance.
const MOST_TILES = 400;
const CHECKED_BUNDLES = 8;
const REMEMBERED = 'rowledger.checkpoint.';

async function bytesAt(path: string): Promise<Uint8Array> {
  return new Uint8Array(await (await request(path, {headers: {Accept: '*/*'}})).arrayBuffer());
}

// Which of n: all, or as many by chance.
function chosen(n: number, most: number): number[] {
  if (n <= most) return Array.from({length: n}, (_, i) => i);
  const picked = new Set([0, n - 1]);
  while (picked.size < most) picked.add(crypto.getRandomValues(new Uint32Array(1))[0]! % n);
  return [...picked].sort((a, b) => a - b);
}

interface Remembered {
  size: number;
  root: string;
  at: string;
}

function remembered(origin: string): Remembered | undefined {
  try {
    return JSON.parse(localStorage.getItem(REMEMBERED + origin) ?? 'null') as Remembered | null ?? undefined;
  } catch {
    return undefined;
  }
}

function remember(checkpoint: Checkpoint): void {
  try {
    const now: Remembered = {size: Number(checkpoint.size), root: toBase64(checkpoint.root), at: new Date().toISOString()};
    localStorage.setItem(REMEMBERED + checkpoint.origin, JSON.stringify(now));
  } catch {
    // This browser keeps nothing: there is no former visit next time.
  }
}

export async function verifyInBrowser(verifierKey: string, tell: (step: Step) => void): Promise<boolean> {
  let current: StepName = 'checkpoint';
  const begin = (name: StepName, facts: Step['facts'] = {}): void => {
    current = name;
    tell({name, state: 'busy', facts});
  };
  const done = (facts: Step['facts']): void => tell({name: current, state: 'good', facts});
  try {
    begin('checkpoint');
    const key = parseVerifierKey(verifierKey);
    const text = await bytesAt('/tlog/checkpoint');
    done({bytes: text.length});

    begin('signature');
    const {checkpoint, by} = await openCheckpoint(text, key);
    const size = Number(checkpoint.size);
    done({origin: key.name, id: key.id, by});

    begin('root');
    let fetched = 0;
    const tree = new TiledTree(size, (level, index, width) => {
      ++fetched;
      return bytesAt(`/tlog/${tilePath(level, index, width)}`);
    });
    if (!equal(await tree.root(), checkpoint.root)) throw new Malformed('the tiles lead to another root than the signed one');
    done({n: fetched, size, root: toBase64(checkpoint.root)});

    begin('tiles', {done: 0, all: tree.countOfTiles(0)});
    let checked = 0;
    const all = tree.countOfTiles(0);
    const some = chosen(all, MOST_TILES);
    for (let level = 1; tree.countOfTiles(level) > 0; ++level)
      for (const index of chosen(tree.countOfTiles(level), MOST_TILES)) await tree.checkTile(level, index);
    for (const index of some) {
      await tree.checkTile(0, index);
      if (++checked % 20 === 0) tell({name: 'tiles', state: 'busy', facts: {done: checked, all: some.length}});
    }
    done({n: checked, all, entries: Math.min(size, checked * TILE_WIDTH)});

    begin('entries');
    let entries = 0;
    try {
      for (const index of chosen(all, CHECKED_BUNDLES)) {
        const width = tree.widthOfTile(0, index);
        const bundle = parseBundle(await bytesAt(`/tlog/${tilePath('entries', index, width)}`), width);
        const leaves = await tree.hashesOf(0, index);
        for (const [i, entry] of bundle.entries())
          if (!equal(leafHash(entry), leaves[i]!)) throw new Malformed(`entry ${index * TILE_WIDTH + i} is not the one that was signed`);
        entries += width;
      }
      done({n: entries});
    } catch (error) {
      // Who sees one organisation only gets no headers of others.
      if (!(error instanceof ApiError) || (error.status !== 403 && error.status !== 404)) throw error;
      tell({name: 'entries', state: 'skipped', facts: {}});
    }

    begin('growth');
    const before = remembered(checkpoint.origin);
    if (!before) {
      tell({name: 'growth', state: 'skipped', facts: {}});
    } else {
      if (before.size > size) throw new Malformed('the log is shorter than at your last visit');
      if (!equal(await tree.root(before.size), fromBase64(before.root))) throw new Malformed('the log no longer begins as it did at your last visit');
      done({before: before.size, at: before.at, n: size - before.size});
    }
    remember(checkpoint);
    return true;
  } catch (error) {
    tell({name: current, state: 'bad', facts: {text: error instanceof Error ? error.message : String(error)}});
    return false;
  }
}

