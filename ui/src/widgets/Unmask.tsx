// Shows masked values to those who may see them, after they have said why. The answer is shown here only; nothing keeps it.
import type {JSX} from 'preact';
import {useState} from 'preact/hooks';
import {ApiError, sendJson} from '../base/api';
import {asApiError} from '../base/load';
import type {Change, Json} from '../base/types';
import {DifferenceTable} from '../entries/Difference';
import {Value} from '../entries/Value';
import {fieldName} from '../entries/words';
import {t} from '../i18n';
import {Dialog} from './Dialog';
import {Icon} from './Icon';
import {Failure} from './State';

export type UnmaskTarget = {seq: number} | {table: string; key: string};
type Answer = {fields?: {[field: string]: Json}; changes?: Change[]};

const LEAST_REASON = 5; // as the daemon

export function Unmask({target, fields, onClose}: {target: UnmaskTarget; fields: string[]; onClose: () => void}): JSX.Element {
  const [wanted, setWanted] = useState(new Set(fields));
  const [reason, setReason] = useState('');
  const [answer, setAnswer] = useState<Answer>();
  const [error, setError] = useState<ApiError>();
  const [busy, setBusy] = useState(false);

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      setAnswer(await sendJson<Answer>('POST', '/v1/unmask', {...target, fields: [...wanted], reason: reason.trim()}));
    } catch (caught) {
      setError(asApiError(caught));
    }
    setBusy(false);
  };

  return (
    <Dialog title={t('unmask.title')} onClose={onClose}>
      {answer
        ? <div role="status">
            <p class="recorded"><Icon name="check" size={18} /> {t('unmask.recorded', {reason: reason.trim()})}</p>
            {answer.changes && <DifferenceTable changes={answer.changes} caption={t('unmask.values')} />}
            {answer.fields && (
              <dl class="facts">
                {Object.entries(answer.fields).map(([field, value]) => (
                  <div key={field}><dt>{fieldName(field)}</dt><dd><Value field={field} value={value} /></dd></div>
                ))}
              </dl>)}
            <div class="actions"><button type="button" class="button primary" onClick={onClose}>{t('action.done')}</button></div>
          </div>
        : <form onSubmit={event => void submit(event)}>
            <fieldset>
              <legend>{t('unmask.which')}</legend>
              {fields.map(field => (
                <label key={field} class="check">
                  <input type="checkbox" checked={wanted.has(field)} onChange={event => {
                    const next = new Set(wanted);
                    if (event.currentTarget.checked) next.add(field); else next.delete(field);
                    setWanted(next);
                  }} /> {fieldName(field)}
                </label>
              ))}
            </fieldset>
            <label class="field">
              <span>{t('unmask.reason')}</span>
              <textarea rows={2} required minLength={LEAST_REASON} maxLength={500} value={reason} onInput={event => setReason(event.currentTarget.value)} />
            </label>
            <p class="note"><Icon name="access" size={16} /> {t('unmask.will_be_recorded')}</p>
            {error && <Failure error={error} />}
            <div class="actions">
              <button type="button" class="button" onClick={onClose}>{t('action.cancel')}</button>
              <button type="submit" class="button primary" disabled={busy || wanted.size === 0 || reason.trim().length < LEAST_REASON}>{t('unmask.show')}</button>
            </div>
          </form>}
    </Dialog>
  );
}
