// The record of every look.
import type {JSX} from 'preact';
import {useState} from 'preact/hooks';
import {address, getJson, type ApiError} from '../base/api';
import {asApiError, useLoad} from '../base/load';
import {adjust, navigate, usePlace, withParameters} from '../base/router';
import type {Entry} from '../base/types';
import {entryTime} from '../entries/changes';
import {Avatar, EntryLine} from '../entries/EntryLine';
import {Folded} from '../entries/Folded';
import {foldLooks} from '../entries/looks';
import {Sentence} from '../entries/Sentence';
import {t} from '../i18n';
import {useTurn} from '../i18n/time';
import {Icon} from '../widgets/Icon';
import {Failure, Loading, Notice} from '../widgets/State';
import {Time} from '../widgets/Time';

// One person's looks with one purpose, close together: the newest, and how many.
function LooksLine({looks, openSeq, turn, onToggle}: {looks: Entry[]; openSeq: number; turn: number; onToggle: (seq: number) => void}): JSX.Element {
  const newest = looks[0]!, n = looks.length;
  return (
    <Folded kind="access" avatar={<Avatar entry={newest} />} sentence={<Sentence entry={newest} />} startsOpen={looks.some(entry => entry.seq === openSeq)} toggleName={t('access.show_looks', {n})}
            meta={<><Time when={entryTime(newest)} /><span class="badge quiet"><Icon name="layers" size={14} /> {t('access.times', {n})}</span></>}>
      {() => looks.map(entry => <EntryLine key={entry.seq} entry={entry} open={openSeq === entry.seq} turn={turn} onToggle={onToggle} />)}
    </Folded>
  );
}

export function Looks(): JSX.Element {
  const {parameters, path} = usePlace();
  const table = parameters.get('table') ?? '', key = parameters.get('key') ?? '', reader = parameters.get('reader') ?? '', value = parameters.get('value') ?? '';
  const base = address('/v1/access', {table, key, reader, value, limit: 50});
  const first = useLoad(base, signal => getJson<{access: Entry[]; next_cursor?: string}>(base, signal));
  const [older, setOlder] = useState<{of: string; entries: Entry[]; next: string | undefined; error?: ApiError}>();
  const more = older?.of === base ? older : undefined;
  const entries = [...(first.data?.access ?? []), ...(more?.entries ?? [])];
  const next = more ? more.next : first.data?.next_cursor;
  const open = Number(parameters.get('open') ?? -1);
  const turn = useTurn();
  const toggle = (seq: number): void => adjust({open: open === seq ? null : seq});
  const field = (name: string, label: string, hint: string, value: string): JSX.Element => (
    <label class="field grow"><span>{label}</span><input type="text" name={name} placeholder={hint} key={value} defaultValue={value} /></label>
  );
  return (
    <>
      <p class="lead">{t('access.looks_text')}</p>
      <form class="row panel" onSubmit={event => {
        event.preventDefault();
        const data = new FormData(event.currentTarget);
        const text = (name: string): string => String(data.get(name) ?? '').trim();
        navigate(withParameters({path, parameters}, {reader: text('reader'), table: text('table'), key: text('key'), value: text('value'), open: null}));
      }}>
        {field('reader', t('access.reader'), t('access.reader_hint'), reader)}
        {field('table', t('access.table'), t('access.table_hint'), table)}
        {field('key', t('access.key'), t('access.key_hint'), key)}
        {field('value', t('access.value'), t('access.value_hint'), value)}
        <button type="submit" class="button primary">{t('search.go')}</button>
      </form>
      {first.error ? <Failure error={first.error} retry={first.reload} /> : !first.data ? <Loading />
        : entries.length === 0 ? <Notice icon="access" title={t('access.nobody')} /> : (
        <div class="panel list">
          {foldLooks(entries).map(looks => looks.length === 1
            ? <EntryLine key={looks[0]!.seq} entry={looks[0]!} open={open === looks[0]!.seq} turn={turn} onToggle={toggle} />
            : <LooksLine key={looks[0]!.seq} looks={looks} openSeq={open} turn={turn} onToggle={toggle} />)}
        </div>)}
      {next !== undefined && <p class="centre"><button type="button" class="button" onClick={() => {
        getJson<{access: Entry[]; next_cursor?: string}>(address('/v1/access', {table, key, reader, value, limit: 50, cursor: next})).then(
          page => setOlder({of: base, entries: [...(more?.entries ?? []), ...page.access], next: page.next_cursor}),
          (error: unknown) => setOlder({of: base, entries: more?.entries ?? [], next, error: asApiError(error)}));
      }}>{t('action.show_older')}</button></p>}
      {more?.error && <Failure error={more.error} />}
    </>
  );
}
