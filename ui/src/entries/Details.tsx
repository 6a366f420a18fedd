// Everything that an entry says, below its sentence.
import type {ComponentChildren, JSX} from 'preact';
import {useState} from 'preact/hooks';
import {keySegment} from '../base/api';
import {tenantLabel} from '../base/labels';
import {Link, rowPagePath, searchPath} from '../base/router';
import {may} from '../base/session';
import type {Entry, Json} from '../base/types';
import {known, t} from '../i18n';
import {CopyButton} from '../widgets/Copy';
import {Deferred} from '../widgets/Deferred';
import {Gradually} from '../widgets/Gradually';
import {Icon} from '../widgets/Icon';
import {MaskedNote} from '../widgets/Masked';
import {Time} from '../widgets/Time';
import {Unmask} from '../widgets/Unmask';
import {searchWord, viaName, whoOf} from './actor';
import {entryTime, isChange, reasonOf, splitChanges} from './changes';
import {DifferenceTable} from './Difference';
import {LongText, SafeText} from './Value';
import {bareTable, rowNoun} from './words';

function Fact({name, children}: {name: string; children: ComponentChildren}): JSX.Element {
  return <div><dt>{name}</dt><dd>{children}</dd></div>;
}

function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const HIDDEN = '\u2022\u2022\u2022\u2022'; // as the daemon writes what it does not show
const TOLD_CONTEXT = new Set(['reason', 'request_id', 'flow', 'job', 'signed', 'hmac']);

function Facts({entry}: {entry: Entry}): JSX.Element {
  const context = entry.context ?? {};
  const reason = reasonOf(entry), request = context['request_id'];
  const reader = entry.kind === 'access' ? (entry.detail as {reader?: {id?: string; name?: string; role?: string}} | undefined)?.reader : undefined;
  const others = Object.entries(context).filter(([name]) => !TOLD_CONTEXT.has(name));
  const db = [entry.db?.role && t('fact.db_role', {role: entry.db.role}), entry.db?.application && t('fact.db_application', {application: entry.db.application}), entry.db?.client && t('fact.db_client', {client: entry.db.client})]
    .filter((each): each is string => typeof each === 'string' && each !== '');
  return (
    <dl class="facts">
      <Fact name={t('fact.when')}><Time when={entryTime(entry)} exact /></Fact>
      {reader && <Fact name={t('fact.who')}><SafeText text={reader.name ?? reader.id ?? ''} /> <span class="note">{known(`role.${reader.role}`)}</span></Fact>}
      {entry.actor && !reader && <Fact name={t('fact.who')}>
        <SafeText text={whoOf(entry).name} />{' '}
        <span class={`badge trust-${entry.actor.trust}`}>{known(`trust.${entry.actor.trust}`)}</span>
        <span class="note block">{known(`trust.${entry.actor.trust}.text`)}</span>
      </Fact>}
      {entry.via && entry.via !== 'unknown' && <Fact name={t('fact.via')}>{viaName(entry.via)}</Fact>}
      {reason !== undefined && <Fact name={t('fact.reason')}><LongText text={reason} /></Fact>}
      {entry.key && entry.table && <Fact name={t('fact.row')}>
        {rowNoun(entry.table)} <Link to={rowPagePath(entry.table, keySegment(entry.key))}><SafeText text={Object.values(entry.key).join(', ')} /></Link>
      </Fact>}
      {entry.tenant !== undefined && <Fact name={t('fact.tenant')}><SafeText text={tenantLabel(entry.tenant)} /></Fact>}
      {db.length > 0 && <Fact name={t('fact.db')}><SafeText text={db.join(', ')} /></Fact>}
      {typeof request === 'string' && <Fact name={t('fact.request')}><Link to={searchPath(`request:${searchWord(request)}`)}><SafeText text={request} /></Link></Fact>}
      {others.map(([name, value]) => <Fact key={name} name={name === HIDDEN ? t('fact.context_masked') : name}><LongText text={textOf(value)} /></Fact>)}
      {entry.context_raw !== undefined && <Fact name={t('fact.context_raw')}><LongText text={entry.context_raw} /></Fact>}
      {entry.tx?.xid !== undefined && <Fact name={t('fact.transaction')}><Link to={searchPath(`tx:${entry.tx.xid}`)}>{entry.tx.xid}</Link> <span class="note">LSN {entry.tx.lsn}</span></Fact>}
      <Fact name={t('fact.number')}><Link to={`/entries/${entry.seq}`}>#{entry.seq}</Link></Fact>
      {entry.detail !== undefined && !isChange(entry) && <Fact name={t('fact.detail')}><code class="value-json"><LongText text={JSON.stringify(entry.detail, null, 2)} /></code></Fact>}
    </dl>
  );
}

function Warnings({entry}: {entry: Entry}): JSX.Element | null {
  const said = [entry.forged && t('entry.forged'), entry.erased && t('entry.erased'), entry.locked && t('entry.locked')].filter((each): each is string => typeof each === 'string');
  if (said.length === 0) return null;
  return <ul class="warnings">{said.map(each => <li key={each}><Icon name="warning" size={16} /> {each}</li>)}</ul>;
}

export function maskedFields(entry: Entry): string[] {
  return [...new Set((entry.changes ?? []).filter(change => change.masked).map(change => change.field))];
}

// atOnce: it is not there because somebody opened it.
export function Details({entry, inRow = false, atOnce = false}: {entry: Entry; inRow?: boolean; atOnce?: boolean}): JSX.Element {
  const [unmasking, setUnmasking] = useState(false);
  const [asJson, setAsJson] = useState(false);
  const {told, aside} = splitChanges(entry);
  const masked = maskedFields(entry);
  const who = whoOf(entry);
  const what = (
    <>
      <Warnings entry={entry} />
      {told.length > 0 && <DifferenceTable changes={told} caption={t('diff.caption')} seq={entry.seq} />}
      {aside.length > 0 && (
        <details class="aside"><summary>{t('entry.housekeeping_too', {n: aside.length})}</summary>
          <DifferenceTable changes={aside} caption={t('entry.housekeeping_too', {n: aside.length})} seq={entry.seq} /></details>)}
      {masked.length > 0 && <MaskedNote />}
    </>
  );
  const actions = (
    <>
      <div class="actions start">
        {!inRow && entry.key && entry.table && (
          <Link class="button small" to={rowPagePath(entry.table, keySegment(entry.key), {at: `seq:${entry.seq}`})}>
            {bareTable(entry.table) === 'contacts' ? t('action.open_contact') : t('action.open_row')}</Link>)}
        {masked.length > 0 && may('unmask') && <button type="button" class="button small" onClick={() => setUnmasking(true)}><Icon name="access" size={16} /> {t('unmask.title')}</button>}
        {who.search && <Link class="button small" to={searchPath(who.search)}>{t('action.more_by', {name: who.name})}</Link>}
        <CopyButton text={`${location.origin}/entries/${entry.seq}`}>{t('action.copy_link')}</CopyButton>
        <button type="button" class="button small" aria-expanded={asJson} onClick={() => setAsJson(!asJson)}>{t('action.as_json')}</button>
        {may('export') && <a class="button small" href={`/v1/evidence?entry=${entry.seq}`} download={`entry-${entry.seq}.evidence`}><Icon name="download" size={16} /> {t('action.evidence')}</a>}
        {may('export') && <Deferred label={t('verify.entry')} load={async () => (await import('../verify/EntryProof')).EntryProof} props={{entry}} />}
      </div>
      {asJson && <pre class="json" tabIndex={0} aria-label={t('action.as_json')}><SafeText text={JSON.stringify(entry, null, 2)} /></pre>}
      {unmasking && <Unmask target={{seq: entry.seq}} fields={masked} onClose={() => setUnmasking(false)} />}
    </>
  );
  const parts = [what, <Facts entry={entry} />, actions];
  return <Gradually class="details" parts={parts} atOnce={atOnce ? parts.length : 1} />;
}
