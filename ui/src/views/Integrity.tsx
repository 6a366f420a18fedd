// Whether the log is whole and unaltered, in words, and checked in this browser.
import type {JSX} from 'preact';
import {useState} from 'preact/hooks';
import {getJson, request} from '../base/api';
import {useLoad} from '../base/load';
import {Link, searchPath, useTitle} from '../base/router';
import {may} from '../base/session';
import type {Integrity as State, Status} from '../base/types';
import {EntryLine} from '../entries/EntryLine';
import {SafeText} from '../entries/Value';
import {tableName} from '../entries/words';
import {formatList, formatNumber, known, t} from '../i18n';
import {formatBytes, formatShare, useTurn} from '../i18n/time';
import {CopyButton} from '../widgets/Copy';
import {Deferred} from '../widgets/Deferred';
import {Icon, type IconName} from '../widgets/Icon';
import {Failure, Loading} from '../widgets/State';
import {Time} from '../widgets/Time';
import type {ComponentChildren} from 'preact';

function Card({icon, title, state, children}: {icon: IconName; title: string; state?: 'good' | 'bad'; children: ComponentChildren}): JSX.Element {
  return (
    <section class={`card ${state ?? ''}`}>
      <h2><span class="card-icon"><Icon name={icon} /></span> {title}</h2>
      {children}
    </section>
  );
}

const TRUSTS = ['verified', 'claimed', 'database', 'unknown'] as const;

function Coverage({coverage}: {coverage: State['coverage']}): JSX.Element {
  return (
    <>
      <div class="share-bar" aria-hidden="true">
        {TRUSTS.map(trust => <span key={trust} class={`trust-${trust}`} style={{flexGrow: coverage[trust]}} />)}
      </div>
      <dl class="shares">
        {TRUSTS.map(trust => (
          <div key={trust}>
            <dt><span class={`swatch trust-${trust}`} aria-hidden="true" /> <Link to={searchPath(`trust:${trust}`)}>{known(`trust.${trust}`)}</Link></dt>
            <dd><strong>{formatShare(coverage[trust])}</strong><span class="note block">{known(`trust.${trust}.text`)}</span></dd>
          </div>
        ))}
      </dl>
      <p class="note">{t('integrity.coverage_of', {n: coverage.changes})}</p>
    </>
  );
}

interface ServerReport {
  ok?: boolean;
  entries?: number;
  findings?: unknown[];
  problem?: {detail?: string};
  [name: string]: unknown;
}

// The daemon's own verification, of everything including the values; it says how far it is.
function ServerCheck(): JSX.Element {
  const [state, setState] = useState<{progress?: string; report?: ServerReport; error?: string}>();
  const run = async (): Promise<void> => {
    setState({progress: t('verify.checking')});
    try {
      const response = await request('/v1/integrity/verify?progress=1');
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      let rest = '';
      for (;;) {
        const {done, value} = await reader.read();
        if (done) break;
        rest += value;
        const lines = rest.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines.filter(each => each.trim() !== '')) {
          const told = JSON.parse(line) as {progress?: {phase: string; done: number; total: number}} & ServerReport;
          if (told.progress) setState({progress: t('integrity.server_progress', {done: told.progress.done, all: told.progress.total})});
          else setState({report: told});
        }
      }
    } catch (error) {
      setState({error: error instanceof Error ? error.message : String(error)});
    }
  };
  const report = state?.report;
  const isGood = report && report.problem === undefined && report.ok !== false && (report.findings?.length ?? 0) === 0;
  return (
    <div class="server-check">
      <h3>{t('integrity.server')}</h3>
      <p class="note">{t('integrity.server_text')}</p>
      <div role="status">
        {state?.progress && <p class="verdict">{state.progress}</p>}
        {state?.error && <p class="verdict bad"><Icon name="warning" size={18} /> <SafeText text={state.error} /></p>}
        {report && <p class={`verdict ${isGood ? 'good' : 'bad'}`}><Icon name={isGood ? 'check' : 'warning'} size={18} /> {isGood ? t('integrity.server_good', {n: report.entries ?? 0}) : t('integrity.server_bad')}</p>}
        {report && <details><summary>{t('integrity.server_report')}</summary><pre class="json" tabIndex={0}>{JSON.stringify(report, null, 2)}</pre></details>}
      </div>
      {!state?.progress && <button type="button" class="button small" onClick={() => void run()}>{t('integrity.server_run')}</button>}
    </div>
  );
}

// How the program does, beside what the log says; the page need not wait for it.
function StatusFacts({phase}: {phase: string}): JSX.Element {
  const {data: status} = useLoad('/v1/status', signal => getJson<Status>('/v1/status', signal));
  return (
    <dl class="facts">
      <div><dt>{t('status.phase')}</dt><dd>{known(`phase.${phase}`) ?? phase}</dd></div>
      {status && <>
        {status.lag_seconds !== null && <div><dt>{t('status.lag')}</dt><dd>{t('status.lag_text', {seconds: formatNumber(Math.round(status.lag_seconds * 10) / 10), bytes: formatBytes(status.lag_bytes ?? 0)})}</dd></div>}
        {status.slot && <div><dt>{t('status.slot')}</dt><dd>{known(status.slot.active ? 'status.slot_active' : 'status.slot_idle')} · {t('status.retained', {bytes: formatBytes(status.slot.retained_bytes)})}</dd></div>}
        <div><dt>{t('status.disk')}</dt><dd>{formatBytes(status.disk_bytes)}</dd></div>
        <div><dt>{t('status.tables')}</dt><dd>{formatList(status.tables.map(tableName))}</dd></div>
        {status.version && <div><dt>{t('status.version')}</dt><dd>{status.version}</dd></div>}
      </>}
    </dl>
  );
}

export function Integrity(): JSX.Element {
  useTitle(t('nav.integrity'));
  const {data, error, reload} = useLoad('/v1/integrity', async signal => ({state: await getJson<State>('/v1/integrity', signal), at: Date.now()}));
  const turn = useTurn();
  const [openGap, setOpenGap] = useState<number>();
  if (error) return <div><h1>{t('nav.integrity')}</h1><Failure error={error} retry={reload} /></div>;
  if (!data) return <div><h1>{t('nav.integrity')}</h1><Loading /></div>;
  const {state, at} = data;
  const {checkpoint, problem, gaps} = state;
  return (
    <div class="integrity">
      <div class="view-head"><h1>{t('nav.integrity')}</h1></div>
      <p class="lead">{t('integrity.lead')}</p>
      <div class="cards">
        <Card icon="activity" title={t('integrity.captured')} state={problem ? 'bad' : 'good'}>
          <p class="big">{state.captured_until === null ? t('value.unknown') : <Time when={state.captured_until} />}</p>
          <p class="note">{t('integrity.entries', {n: state.entries})}</p>
          {problem && <p class="verdict bad"><Icon name="warning" size={18} /> <SafeText text={problem} /></p>}
          <StatusFacts phase={state.phase} />
          {state.warnings.map(warning => <p key={warning} class="verdict bad"><Icon name="warning" size={18} /> <SafeText text={warning} /></p>)}
        </Card>
        <Card icon={gaps.count === 0 ? 'check' : 'warning'} title={t('integrity.gaps')} state={gaps.count === 0 ? 'good' : 'bad'}>
          {gaps.count === 0
            ? <><p class="big">{t('integrity.no_gaps')}</p><p class="note">{t('integrity.no_gaps_text')}</p></>
            : <>
                <p class="big">{t('integrity.some_gaps', {n: gaps.count})}</p>
                {gaps.newest.map(gap => <EntryLine key={gap.seq} entry={gap} open={openGap === gap.seq} turn={turn} onToggle={seq => setOpenGap(openGap === seq ? undefined : seq)} />)}
                {may('read_entries') && <Link to={searchPath('kind:gap')}>{t('integrity.all_gaps')}</Link>}
              </>}
        </Card>
      </div>
      {checkpoint && state.verifier_key && (
        <section class="card verify">
          <h2><span class="card-icon"><Icon name="integrity" /></span> {t('verify.title')}</h2>
          <p class="note">{t('verify.lead')}</p>
          <Deferred label={t('verify.run')} load={async () => (await import('../verify/BrowserCheck')).BrowserCheck} props={{verifierKey: state.verifier_key}} />
          {may('export') && <ServerCheck />}
        </section>)}
      <div class="cards">
        <Card icon="person" title={t('integrity.coverage')}><Coverage coverage={state.coverage} /></Card>
        <Card icon="integrity" title={t('integrity.checkpoint')}>
          {checkpoint
            ? <dl class="facts">
                <div><dt>{t('integrity.size')}</dt><dd>{formatNumber(checkpoint.size)}</dd></div>
                <div><dt>{t('integrity.signed')}</dt><dd><Time when={new Date(at - checkpoint.age_seconds * 1000)} exact /></dd></div>
                <div><dt>{t('integrity.root')}</dt><dd><code class="hash">{checkpoint.root}</code></dd></div>
                {state.verifier_key && <div><dt>{t('integrity.key')}</dt><dd><code class="hash">{state.verifier_key}</code> <CopyButton text={state.verifier_key}>{t('action.copy')}</CopyButton></dd></div>}
              </dl>
            : <p>{t('integrity.no_checkpoint')}</p>}
          <p class="note">{t('integrity.key_text')}</p>
        </Card>
      </div>
    </div>
  );
}
