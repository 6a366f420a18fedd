// One's own password: the first one after signing in by a link, or another.
import type {JSX} from 'preact';
import {useState} from 'preact/hooks';
import {sendJson, type ApiError} from '../base/api';
import {asApiError} from '../base/load';
import type {Me} from '../base/types';
import {t} from '../i18n';
import {Dialog} from '../widgets/Dialog';
import {Icon} from '../widgets/Icon';
import {Failure} from '../widgets/State';

export function Password({me, onClose}: {me: Me; onClose: () => void}): JSX.Element {
  const [present, setPresent] = useState('');
  const [password, setPassword] = useState('');
  const [done, setDone] = useState(false);
  const [error, setError] = useState<ApiError>();
  const submit = async (): Promise<void> => {
    setError(undefined);
    try {
      await sendJson('PATCH', `/v1/users/${encodeURIComponent(me.name)}`, {password, ...(present === '' ? {} : {current_password: present})});
      setDone(true);
    } catch (caught) {
      setError(asApiError(caught));
    }
  };
  return (
    <Dialog title={t('password.title')} onClose={onClose}>
      {done
        ? <div role="status">
            <p class="recorded"><Icon name="check" size={18} /> {t('password.done')}</p>
            <div class="actions"><button type="button" class="button primary" onClick={onClose}>{t('action.done')}</button></div>
          </div>
        : <form onSubmit={event => {
            event.preventDefault();
            void submit();
          }}>
            <input type="text" autocomplete="username" value={me.name} readOnly hidden />
            <label class="field"><span>{t('password.present')}</span>
              <input type="password" autocomplete="current-password" value={present} onInput={event => setPresent(event.currentTarget.value)} />
              <span class="note">{t('password.present_text')}</span></label>
            <label class="field"><span>{t('password.new')}</span>
              <input type="password" autocomplete="new-password" required value={password} onInput={event => setPassword(event.currentTarget.value)} /></label>
            {error && <Failure error={error} />}
            <div class="actions">
              <button type="button" class="button" onClick={onClose}>{t('action.cancel')}</button>
              <button type="submit" class="button primary">{t('password.set')}</button>
            </div>
          </form>}
    </Dialog>
  );
}
