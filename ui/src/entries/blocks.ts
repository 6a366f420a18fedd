// A list's lines in blocks of a few, each of which a long list draws and forgets as one (Lines.tsx). Pure.
import type {Line} from './fold';

export interface Block {
  id: number;
  day: string;
  lines: Line[]; // newest first, at least one
}

const LINES = 10, MOST_LINES = 20;

let nextId = 0;

function same(a: Line, b: Line): boolean {
  if (a === b) return true;
  // A fold is made anew with each turn of the list.
  return a.kind !== 'entry' && b.kind !== 'entry' && a.whole === b.whole && a.entries.length === b.entries.length &&
    a.entries.every((entry, i) => entry === b.entries[i]);
}

// The lines in blocks of one day each. A line stays in the block where it was before, and a block in which nothing changed
// is the same object: only what is new, at the ends, is drawn.
export function blocksOf(lines: Line[], before: readonly Block[], dayOf: (line: Line) => string): Block[] {
  const old = new Map(before.map(block => [block.id, block]));
  const home = new Map(before.flatMap(block => block.lines.map(line => [line.id, block.id] as const)));
  const blocks: Block[] = [];
  const taken = new Set<number>();
  let block: Block | undefined;
  for (const line of lines) {
    const day = dayOf(line), known = home.get(line.id);
    if (block && block.day === day && known !== undefined && !taken.has(known) && !taken.has(block.id) &&
        block.lines.length + old.get(known)!.lines.length <= MOST_LINES) {
      block.id = known; // what has arrived above an old block goes into it while it has room
      taken.add(known);
    } else if (!block || block.day !== day || (known === undefined ? block.lines.length >= LINES : known !== block.id && !taken.has(known))) {
      const isOld = known !== undefined && !taken.has(known);
      block = {id: isOld ? known : nextId++, day, lines: []};
      if (isOld) taken.add(known);
      blocks.push(block);
    }
    block.lines.push(line);
  }
  return blocks.map(now => {
    const then = old.get(now.id);
    if (!then) return now;
    const kept = new Map(then.lines.map(line => [line.id, line]));
    now.lines = now.lines.map(line => {
      const drawn = kept.get(line.id);
      return drawn && same(drawn, line) ? drawn : line;
    });
    return then.day === now.day && then.lines.length === now.lines.length && then.lines.every((line, i) => line === now.lines[i]) ? then : now;
  });
}
