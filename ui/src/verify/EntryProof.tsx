// Checks one entry in this browser: that what stands on the page was recorded so, and is in the signed log.
import type {JSX} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {getJson, request} from '../base/api';
import type {Change, Entry, Status} from '../base/types';
import {formatNumber, t} from '../i18n';
import {Icon} from '../widgets/Icon';
import {toBase64} from './bytes';
import {verifyEvidence, type ProvenEntry} from './evidence';
import {parseVerifierKey, type Checkpoint} from './note';
import type {StoredValue} from './record';

type Outcome = {state: 'busy'} | {state: 'good'; checkpoint: Checkpoint; values: boolean; compared: number} | {state: 'bad'; text: string};

// PostgreSQL's text of a value that the page shows; nothing for JSON, whose places are shown one by one.
function textOf(value: Change['old']): string | null | undefined {
  if (value === null) return null;
  if (typeof value === 'boolean') return value ? 't' : 'f';
  if (typeof value === 'string') return value;
  return typeof value === 'number' ? String(value) : undefined;
}

function agrees(shown: Change['old'], stored: StoredValue): boolean {
  const text = textOf(shown);
  if (text === undefined) return true;
  return text === null ? stored.is === 'null' : stored.is === 'text' && stored.text === text;
}

// How many of the shown changes were compared with the recorded ones; -1: one differs.
function compareChanges(entry: Entry, proven: ProvenEntry): number {
  if (!proven.body) return 0;
  let compared = 0;
  for (const change of entry.changes ?? []) {
    if (change.masked || change.path !== undefined) continue;
    const stored = proven.body.changes.find(each => each.field === change.field);
    if (!stored) return -1;
    if (change.old !== undefined && !agrees(change.old, stored.before)) return -1;
    if (change.new !== undefined && !agrees(change.new, stored.after)) return -1;
    ++compared;
  }
  return compared;
}

async function check(entry: Entry): Promise<Outcome> {
  const status = await getJson<Status>('/v1/status');
  if (status.verifier_key === null) return {state: 'bad', text: t('verify.no_key')};
  const key = parseVerifierKey(status.verifier_key);
  const text = await (await request(`/v1/evidence?entry=${entry.seq}`, {headers: {Accept: 'text/plain'}})).text();
  const evidence = await verifyEvidence(text, key);
  const proven = evidence.entries[0];
  if (!proven || proven.header.seq !== BigInt(entry.seq)) return {state: 'bad', text: t('verify.other_entry')};
  const {header} = proven;
  if (header.kind !== entry.kind || header.table !== (entry.table ?? '') || header.tenant !== entry.tenant) return {state: 'bad', text: t('verify.differs')};
  const compared = compareChanges(entry, proven);
  if (compared < 0) return {state: 'bad', text: t('verify.differs')};
  return {state: 'good', checkpoint: evidence.checkpoint, values: proven.body !== undefined, compared};
}

export function EntryProof({entry}: {entry: Entry}): JSX.Element {
  const [outcome, setOutcome] = useState<Outcome>({state: 'busy'});
  useEffect(() => {
    check(entry).then(setOutcome, (error: unknown) => setOutcome({state: 'bad', text: error instanceof Error ? error.message : String(error)}));
  }, [entry]);
  if (outcome.state === 'busy') return <p class="verdict" role="status">{t('verify.checking')}</p>;
  if (outcome.state === 'bad') return <p class="verdict bad" role="alert"><Icon name="warning" size={18} /> {t('verify.entry_bad')} {outcome.text}</p>;
  return (
    <div class="verdict good" role="status">
      <p><Icon name="check" size={18} /> {t('verify.entry_good')}</p>
      <ul>
        <li>{t('verify.entry_signed', {size: formatNumber(Number(outcome.checkpoint.size)), origin: outcome.checkpoint.origin})}</li>
        <li>{t('verify.entry_path', {root: toBase64(outcome.checkpoint.root).slice(0, 12)})}</li>
        <li>{outcome.values ? t('verify.entry_values', {n: outcome.compared}) : t('verify.entry_no_values')}</li>
      </ul>
    </div>
  );
}
