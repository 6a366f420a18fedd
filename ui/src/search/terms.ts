// The text of a search as the reader sees it: its parts side by side, for chips, filters and completion. What it means
// is for the daemon's parser alone; here nothing is refused.

export interface Term {
  text: string;
  start: number; // in UTF-16 code units
  end: number;
  key?: string; // "via" of -via:sql
  negated: boolean;
  values: string; // what stands behind the colon
}

const isSpace = (c: string | undefined): boolean => c !== undefined && /\s/.test(c);

// Where the part that begins at `at` ends: quotes and brackets hold together what stands in them.
function endOfPart(text: string, at: number): number {
  let depth = 0;
  while (at < text.length) {
    const c = text[at]!;
    if (c === '"') {
      for (++at; at < text.length && text[at] !== '"'; ++at) if (text[at] === '\\') ++at;
    } else if (c === '(') {
      ++depth;
    } else if (c === ')') {
      depth = Math.max(0, depth - 1);
    } else if (depth === 0 && isSpace(c)) {
      break;
    }
    ++at;
  }
  return Math.min(at, text.length);
}

const KEY = /^(-?)([A-Za-z_]+(?:\.[^\s:"()]+)?):/;

export function termsOf(text: string): Term[] {
  const terms: Term[] = [];
  for (let at = 0; at < text.length;) {
    if (isSpace(text[at])) {
      ++at;
      continue;
    }
    const end = endOfPart(text, at);
    const part = text.slice(at, end);
    const match = KEY.exec(part);
    terms.push({
      text: part, start: at, end, negated: part.startsWith('-'),
      ...(match ? {key: match[2]!.toLowerCase()} : {}), values: match ? part.slice(match[0].length) : part,
    });
    at = end;
  }
  return terms;
}

// Parts joined by words other than AND belong together: then the search is one piece.
export function isPlain(text: string): boolean {
  return !termsOf(text).some(term => term.text === 'OR' || term.text === 'NOT' || term.text === 'AND');
}

export function withoutTerm(text: string, term: Term): string {
  return `${text.slice(0, term.start).trimEnd()} ${text.slice(term.end).trimStart()}`.trim();
}

export function withTerm(text: string, term: string): string {
  if (termsOf(text).some(each => each.text === term)) return text;
  if (!isPlain(text)) return `(${text.trim()}) ${term}`;
  return `${text.trim()} ${term}`.trim();
}

// One value of a key put in the place of any other of that key; again the same takes it away.
export function toggleValue(text: string, key: string, value: string): string {
  const wanted = `${key}:${value}`;
  let rest = text;
  let had = false;
  if (isPlain(text)) {
    for (const term of termsOf(text).reverse()) {
      if (term.key !== key || term.negated) continue;
      if (term.text === wanted) had = true;
      rest = withoutTerm(rest, term);
    }
  }
  return had ? rest : withTerm(rest, wanted);
}

export function valueOf(text: string, key: string): string | undefined {
  return termsOf(text).find(term => term.key === key && !term.negated)?.values;
}

export function namesHousekeeping(text: string): boolean {
  return /is:[^\s()]*housekeeping/.test(text);
}

// A position in the UTF-8 bytes of a text, as the daemon tells errors, as a position in the text.
export function fromBytes(text: string, bytes: number): number {
  let at = 0, seen = 0;
  for (const c of text) {
    if (seen >= bytes) break;
    const code = c.codePointAt(0)!;
    seen += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    at += c.length;
  }
  return at;
}
