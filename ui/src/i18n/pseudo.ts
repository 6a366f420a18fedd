// English made long and strange, for finding words that overflow or bypass the message files.
import {en} from './en';
import type {Messages} from './index';

const MARKS: Record<string, string> = {a: 'á', e: 'ë', i: 'ï', o: 'ö', u: 'ü', n: 'ñ', c: 'ç', A: 'Å', E: 'Ë', I: 'Ï', O: 'Ö', U: 'Ü', N: 'Ñ', C: 'Ç', s: 'š', y: 'ý'};

function stretch(text: string): string {
  const marked = text.split(/(\{\w+\})/).map(part => (part.startsWith('{') ? part : part.replace(/[a-zA-Z]/g, c => MARKS[c] ?? c)));
  // In pieces, so that long texts have places to break at as real ones do.
  const longer = '~'.repeat(Math.max(1, Math.ceil(text.length * 0.3))).replace(/~{8}(?=~)/g, '$& ');
  return `[${marked.join('')} ${longer}]`;
}

export const pseudo = Object.fromEntries(
  Object.entries(en).map(([key, message]) => [
    key, typeof message === 'string' ? stretch(message) : {one: stretch(message.one), other: stretch(message.other)},
  ])) as Messages;
