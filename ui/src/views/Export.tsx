// Takes a search's entries away as a file: made by the daemon, recorded, with a signed list of what it has.
import type {JSX} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {getJson, sendJson, type ApiError} from '../base/api';
import {asApiError} from '../base/load';
import type {ExportJob} from '../base/types';
import {SafeText} from '../entries/Value';
import {t} from '../i18n';
import {formatBytes, formatShare} from '../i18n/time';
import {Dialog} from '../widgets/Dialog';
import {Icon} from '../widgets/Icon';
import {Failure} from '../widgets/State';

const FORMATS = ['csv', 'ndjson', 'cloudevents', 'ocsf'] as const;
const LOOK_EVERY_MS = 500;

export function Export({q}: {q: string}): JSX.Element {
  const [open, setOpen] = useState(true);
  return (
    <>
      <button type="button" class="button small" onClick={() => setOpen(true)}><Icon name="download" size={16} /> {t('export.title')}</button>
      {open && <ExportDialog q={q} onClose={() => setOpen(false)} />}
    </>
  );
}

function ExportDialog({q, onClose}: {q: string; onClose: () => void}): JSX.Element {
  const [format, setFormat] = useState<(typeof FORMATS)[number]>('csv');
  const [job, setJob] = useState<ExportJob>();
  const [error, setError] = useState<ApiError>();
  useEffect(() => {
    if (job?.state !== 'running') return;
    const timer = setTimeout(() => {
      getJson<ExportJob>(`/v1/exports/${encodeURIComponent(job.id)}`).then(setJob, (caught: unknown) => setError(asApiError(caught)));
    }, LOOK_EVERY_MS);
    return () => clearTimeout(timer);
  }, [job]);
  const path = job && `/v1/exports/${encodeURIComponent(job.id)}`;
  return (
    <Dialog title={t('export.title')} onClose={onClose}>
      {job === undefined
        ? <form onSubmit={event => {
            event.preventDefault();
            setError(undefined);
            sendJson<ExportJob>('POST', '/v1/exports', {format, q}).then(setJob, (caught: unknown) => setError(asApiError(caught)));
          }}>
            <p>{q === '' ? t('export.everything') : t('export.of_search')} {q !== '' && <code><SafeText text={q} /></code>}</p>
            <fieldset class="roles">
              <legend>{t('export.format')}</legend>
              {FORMATS.map(each => (
                <label key={each} class="check">
                  <input type="radio" name="format" checked={format === each} onChange={() => setFormat(each)} />
                  <span><strong>{t(`export.${each}`)}</strong><span class="note block">{t(`export.${each}.text`)}</span></span>
                </label>
              ))}
            </fieldset>
            <p class="note"><Icon name="access" size={16} /> {t('export.recorded')}</p>
            <div class="actions"><button type="button" class="button" onClick={onClose}>{t('action.cancel')}</button><button type="submit" class="button primary">{t('export.start')}</button></div>
          </form>
        : <div role="status">
            {job.state === 'running' && <p>{t('export.running', {share: formatShare(job.progress ?? 0), n: job.entries ?? 0})}</p>}
            {job.state === 'failed' && <p class="verdict bad">{t('export.failed')}</p>}
            {job.state === 'done' && <>
              <p class="verdict good"><Icon name="check" size={18} /> {t('export.done', {n: job.entries ?? 0, size: formatBytes(job.bytes ?? 0)})}</p>
              {job.sha256 && <p class="note">SHA-256 <code class="hash">{job.sha256}</code></p>}
              <div class="actions start">
                <a class="button primary" href={`${path}/data`} download>{t('export.download')}</a>
                <a class="button" href={`${path}/manifest`} download>{t('export.manifest')}</a>
              </div>
            </>}
          </div>}
      {error && <Failure error={error} />}
    </Dialog>
  );
}
