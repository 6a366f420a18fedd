// Which words of a text went and which came.

export interface Piece {
  kind: 'same' | 'gone' | 'came';
  text: string;
}

const MAX_WORDS = 400; // of what differs; more is shown whole
const MIN_SHARED = 0.3;

function words(text: string): string[] {
  return text.match(/\s+|[\p{L}\p{M}\p{N}_]+|[^\s\p{L}\p{M}\p{N}_]/gu) ?? [];
}

function push(pieces: Piece[], kind: Piece['kind'], text: string): void {
  if (text === '') return;
  const last = pieces[pieces.length - 1];
  if (last?.kind === kind) last.text += text;
  else pieces.push({kind, text});
}

// The longest common subsequence of words, after what both begin and end with. Nothing when the texts have too little
// in common for marks to help, or too many words.
export function textDifference(before: string, after: string): Piece[] | undefined {
  const a = words(before), b = words(after);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) ++start;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) ++end;
  const x = a.slice(start, a.length - end), y = b.slice(start, b.length - end);
  if (x.length > MAX_WORDS || y.length > MAX_WORDS) return undefined;

  const width = y.length + 1;
  const lengths = new Uint16Array((x.length + 1) * width);
  for (let i = x.length - 1; i >= 0; --i)
    for (let j = y.length - 1; j >= 0; --j)
      lengths[i * width + j] = x[i] === y[j] ? lengths[(i + 1) * width + j + 1]! + 1 : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!);

  const pieces: Piece[] = [];
  push(pieces, 'same', a.slice(0, start).join(''));
  let i = 0, j = 0;
  while (i < x.length || j < y.length) {
    if (i < x.length && j < y.length && x[i] === y[j]) {
      push(pieces, 'same', x[i++]!);
      ++j;
    } else if (i < x.length && (j === y.length || lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!)) {
      push(pieces, 'gone', x[i++]!);
    } else {
      push(pieces, 'came', y[j++]!);
    }
  }
  push(pieces, 'same', a.slice(a.length - end).join(''));
  const shared = pieces.reduce((sum, piece) => sum + (piece.kind === 'same' ? piece.text.trim().length : 0), 0);
  return shared >= MIN_SHARED * Math.min(before.length, after.length) ? pieces : undefined;
}
