import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {useMessages} from '../src/i18n';
import {en} from '../src/i18n/en';
import type {Change, Entry} from '../src/base/types';

declare const UI_FOLDER: string;
export const uiFolder = UI_FOLDER;

// The files that the C++ tests read, too.
export function golden(path: string): Uint8Array {
  return new Uint8Array(readFileSync(join(UI_FOLDER, '../tests/golden', path)));
}
export function goldenText(path: string): string {
  return new TextDecoder().decode(golden(path));
}

export function speakEnglish(): void {
  useMessages(en, 'en');
}

let nextSeq = 1000;
export function update(changes: Change[], more: Partial<Entry> = {}): Entry {
  const seq = nextSeq++;
  return {
    seq, kind: 'update', table: 'public.contacts', key: {id: String(seq)}, changes, actor: {id: '1', name: 'Priya Raman', trust: 'claimed'}, via: 'app',
    tx: {xid: String(seq), lsn: `0/${seq.toString(16)}`, ordinal: 0, committed_at: '2026-11-16T04:12:00.000001Z'}, received_at: '2026-11-16T04:12:00.1Z', ...more,
  };
}
