// Values come from outside: characters that would reorder, hide or imitate what stands around them are made visible.

export interface Span {
  text: string;
  hidden?: string; // "U+202E": what stood here
}

// Controls other than tab and line ends; marks that turn the direction; zero-width and other invisible characters;
// what Unicode calls interlinear and tag characters. The joiners U+200C and U+200D stay: Indian scripts and emoji need them.
const SUSPECT = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028\u2029\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

export function harmless(text: string): Span[] {
  const spans: Span[] = [];
  let at = 0;
  for (const match of text.matchAll(SUSPECT)) {
    if (match.index > at) spans.push({text: text.slice(at, match.index)});
    const code = `U+${match[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;
    spans.push({text: code, hidden: code});
    at = match.index + match[0].length;
  }
  if (at < text.length) spans.push({text: text.slice(at)});
  return spans;
}

const segmenter = new Intl.Segmenter(undefined, {granularity: 'grapheme'});

// The first `most` user-perceived characters, and whether there is more. It never looks further than it must.
export function shorten(text: string, most: number): {text: string; cut: boolean} {
  if (text.length <= most) return {text, cut: false};
  let count = 0;
  for (const {index} of segmenter.segment(text.slice(0, most * 8)))
    if (count++ === most) return {text: text.slice(0, index), cut: true};
  return text.length > most * 8 ? {text: text.slice(0, most * 8), cut: true} : {text, cut: false};
}
