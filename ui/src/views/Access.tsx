// Who may look, and who did.
import type {JSX} from 'preact';
import {useState} from 'preact/hooks';
import {getJson, sendJson, type ApiError} from '../base/api';
import {asApiError, useLoad} from '../base/load';
import {tenantLabel} from '../base/labels';
import {Link, usePlace, useTitle, withParameters} from '../base/router';
import {may, me} from '../base/session';
import {ROLES, type Role, type Token, type User} from '../base/types';
import {SafeText} from '../entries/Value';
import {known, t} from '../i18n';
import {CopyButton} from '../widgets/Copy';
import {Dialog} from '../widgets/Dialog';
import {Icon} from '../widgets/Icon';
import {Failure, Loading, Notice} from '../widgets/State';
import {Time} from '../widgets/Time';
import {Looks} from './Looks';

const TABS = ['looks', 'people', 'tokens'] as const;
type Tab = (typeof TABS)[number];

function tabsOf(): Tab[] {
  return TABS.filter(tab => (tab === 'looks' ? may('read_access') : may('manage_people')));
}

export function Access(): JSX.Element {
  const {parameters, path} = usePlace();
  useTitle(t('nav.access'));
  const tabs = tabsOf();
  const asked = parameters.get('tab') as Tab | null;
  const tab = asked !== null && tabs.includes(asked) ? asked : tabs[0];
  return (
    <div class="access">
      <div class="view-head"><h1>{t('nav.access')}</h1></div>
      {tab === undefined ? <Notice icon="lock" title={t('state.forbidden')}><p>{t('state.forbidden_text')}</p></Notice> : <>
        <nav class="tabs" aria-label={t('nav.access')}>
          {tabs.map(each => <Link key={each} to={withParameters({path, parameters: new URLSearchParams()}, {tab: each})} current={each === tab}>{t(`access.${each}`)}</Link>)}
        </nav>
        {tab === 'looks' ? <Looks /> : tab === 'people' ? <People /> : <Tokens />}
      </>}
    </div>
  );
}

function RoleField({role, onRole}: {role: Role; onRole: (role: Role) => void}): JSX.Element {
  return (
    <fieldset class="roles">
      <legend>{t('access.role')}</legend>
      {ROLES.map(each => (
        <label key={each} class="check">
          <input type="radio" name="role" checked={role === each} onChange={() => onRole(each)} />
          <span><strong>{t(`role.${each}`)}</strong><span class="note block">{t(`role.${each}.text`)}</span></span>
        </label>
      ))}
    </fieldset>
  );
}

// Something that is shown this once only.
function Secret({text, label, explanation}: {text: string; label: string; explanation: string}): JSX.Element {
  return (
    <div class="secret" role="status">
      <p><Icon name="check" size={18} /> {explanation}</p>
      <label class="field"><span>{label}</span><input type="text" readOnly value={text} onFocus={event => event.currentTarget.select()} /></label>
      <CopyButton text={text}>{t('action.copy')}</CopyButton>
    </div>
  );
}

function useAction(): {busy: boolean; error: ApiError | undefined; run: (act: () => Promise<void>) => void} {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  return {
    busy, error,
    run(act) {
      setBusy(true);
      setError(undefined);
      act().then(() => setBusy(false), (caught: unknown) => {
        setError(asApiError(caught));
        setBusy(false);
      });
    },
  };
}

function AddPerson({onClose, onAdded}: {onClose: () => void; onAdded: () => void}): JSX.Element {
  const own = me()?.tenant ?? null;
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [tenant, setTenant] = useState(own ?? '');
  const [link, setLink] = useState<string>();
  const {busy, error, run} = useAction();
  return (
    <Dialog title={t('access.add_person')} onClose={onClose}>
      {link !== undefined
        ? <><Secret text={link} label={t('access.link')} explanation={t('access.link_text', {name})} /><div class="actions"><button type="button" class="button primary" onClick={onClose}>{t('action.done')}</button></div></>
        : <form onSubmit={event => {
            event.preventDefault();
            run(async () => {
              const made = await sendJson<{link: string}>('POST', '/v1/users', {name: name.trim(), role, ...(tenant.trim() === '' ? {} : {tenant: tenant.trim()})});
              setLink(made.link);
              onAdded();
            });
          }}>
            <label class="field"><span>{t('access.name')}</span><input type="text" required maxLength={100} autocapitalize="none" value={name} onInput={event => setName(event.currentTarget.value)} /></label>
            <RoleField role={role} onRole={setRole} />
            {own === null && <label class="field"><span>{t('access.tenant')}</span><input type="text" value={tenant} onInput={event => setTenant(event.currentTarget.value)} /><span class="note">{t('access.tenant_text')}</span></label>}
            {error && <Failure error={error} />}
            <div class="actions"><button type="button" class="button" onClick={onClose}>{t('action.cancel')}</button><button type="submit" class="button primary" disabled={busy}>{t('access.add')}</button></div>
          </form>}
    </Dialog>
  );
}

function ChangePerson({user, onClose, onChanged}: {user: User & {etag?: string}; onClose: () => void; onChanged: () => void}): JSX.Element {
  const [role, setRole] = useState(user.role);
  const [link, setLink] = useState<string>();
  const {busy, error, run} = useAction();
  const path = `/v1/users/${encodeURIComponent(user.name)}`;
  const change = (body: {role?: Role; disabled?: boolean}): void => run(async () => {
    await sendJson('PATCH', path, body, {'If-Match': user.etag ?? '*'});
    onChanged();
    onClose();
  });
  return (
    <Dialog title={t('access.change', {name: user.name})} onClose={onClose}>
      {link !== undefined && <Secret text={link} label={t('access.link')} explanation={t('access.link_text', {name: user.name})} />}
      <form onSubmit={event => {
        event.preventDefault();
        change({role});
      }}>
        <RoleField role={role} onRole={setRole} />
        {error && <Failure error={error} />}
        <div class="actions">
          {!user.disabled && <button type="button" class="button" disabled={busy} onClick={() => run(async () => setLink((await sendJson<{link: string}>('POST', `${path}/link`)).link))}>{t('access.new_link')}</button>}
          <button type="button" class="button" disabled={busy} onClick={() => change({disabled: !user.disabled})}>{user.disabled ? t('access.enable') : t('access.disable')}</button>
          <button type="submit" class="button primary" disabled={busy || role === user.role}>{t('access.save')}</button>
        </div>
      </form>
    </Dialog>
  );
}

function People(): JSX.Element {
  const {data, error, reload} = useLoad('/v1/users', signal => getJson<{users: (User & {etag?: string})[]}>('/v1/users', signal));
  const [adding, setAdding] = useState(false);
  const [changing, setChanging] = useState<User & {etag?: string}>();
  if (error) return <Failure error={error} retry={reload} />;
  if (!data) return <Loading />;
  return (
    <>
      <div class="actions end"><button type="button" class="button primary" onClick={() => setAdding(true)}><Icon name="plus" size={16} /> {t('access.add_person')}</button></div>
      {data.users.length === 0 ? <Notice icon="person" title={t('access.no_people')} /> : (
        <div class="scroll panel" tabIndex={0} role="group" aria-label={t('access.people')}>
          <table class="grid stacked">
            <thead><tr><th scope="col">{t('access.name')}</th><th scope="col">{t('access.role')}</th><th scope="col">{t('access.tenant')}</th><th scope="col">{t('access.last_sign_in')}</th><td /></tr></thead>
            <tbody>
              {data.users.map(user => (
                <tr key={user.name} class={user.disabled ? 'off' : ''}>
                  <th scope="row"><SafeText text={user.name} /> {user.disabled && <span class="badge quiet">{t('access.disabled')}</span>}</th>
                  <td data-label={t('access.role')} title={known(`role.${user.role}.text`)}>{known(`role.${user.role}`)}</td>
                  <td data-label={t('access.tenant')}>{user.tenant === null ? t('access.everything') : <SafeText text={tenantLabel(user.tenant)} />}</td>
                  <td data-label={t('access.last_sign_in')}>{user.last_sign_in_at ? <Time when={user.last_sign_in_at} /> : t('access.never')}</td>
                  <td><button type="button" class="button small" onClick={() => setChanging(user)}>{t('access.edit')}<span class="visually-hidden"> {user.name}</span></button></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>)}
      {adding && <AddPerson onClose={() => setAdding(false)} onAdded={reload} />}
      {changing && <ChangePerson user={changing} onClose={() => setChanging(undefined)} onChanged={reload} />}
    </>
  );
}

function AddToken({onClose, onAdded}: {onClose: () => void; onAdded: () => void}): JSX.Element {
  const own = me()?.tenant ?? null;
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [days, setDays] = useState('30');
  const [token, setToken] = useState<string>();
  const {busy, error, run} = useAction();
  return (
    <Dialog title={t('access.add_token')} onClose={onClose}>
      {token !== undefined
        ? <><Secret text={token} label={t('access.token')} explanation={t('access.token_text')} /><div class="actions"><button type="button" class="button primary" onClick={onClose}>{t('action.done')}</button></div></>
        : <form onSubmit={event => {
            event.preventDefault();
            run(async () => {
              const made = await sendJson<{token: string}>('POST', '/v1/tokens', {name: name.trim(), role, ...(own === null ? {} : {tenant: own}), expires_days: Number(days)});
              setToken(made.token);
              onAdded();
            });
          }}>
            <label class="field"><span>{t('access.token_name')}</span><input type="text" required maxLength={100} value={name} onInput={event => setName(event.currentTarget.value)} /></label>
            <RoleField role={role} onRole={setRole} />
            <label class="field"><span>{t('access.expires_days')}</span><input type="number" min={1} max={3650} required value={days} onInput={event => setDays(event.currentTarget.value)} /></label>
            {error && <Failure error={error} />}
            <div class="actions"><button type="button" class="button" onClick={onClose}>{t('action.cancel')}</button><button type="submit" class="button primary" disabled={busy}>{t('access.add')}</button></div>
          </form>}
    </Dialog>
  );
}

function Tokens(): JSX.Element {
  const {data, error, reload} = useLoad('/v1/tokens', signal => getJson<{tokens: Token[]}>('/v1/tokens', signal));
  const [adding, setAdding] = useState(false);
  const [revoking, setRevoking] = useState<Token>();
  const action = useAction();
  if (error) return <Failure error={error} retry={reload} />;
  if (!data) return <Loading />;
  return (
    <>
      <p class="lead">{t('access.tokens_text')}</p>
      <div class="actions end"><button type="button" class="button primary" onClick={() => setAdding(true)}><Icon name="plus" size={16} /> {t('access.add_token')}</button></div>
      {data.tokens.length === 0 ? <Notice icon="lock" title={t('access.no_tokens')} /> : (
        <div class="scroll panel" tabIndex={0} role="group" aria-label={t('access.tokens')}>
          <table class="grid stacked">
            <thead><tr><th scope="col">{t('access.token_name')}</th><th scope="col">{t('access.role')}</th><th scope="col">{t('access.tenant')}</th><th scope="col">{t('access.expires')}</th><th scope="col">{t('access.last_used')}</th><td /></tr></thead>
            <tbody>
              {data.tokens.map(token => (
                <tr key={token.id}>
                  <th scope="row"><SafeText text={token.name} /></th>
                  <td data-label={t('access.role')}>{known(`role.${token.role}`)}</td>
                  <td data-label={t('access.tenant')}>{token.tenant === null ? t('access.everything') : <SafeText text={tenantLabel(token.tenant)} />}</td>
                  <td data-label={t('access.expires')}>{token.expires_at ? <Time when={token.expires_at} exact /> : t('access.never')}</td>
                  <td data-label={t('access.last_used')}>{token.last_used_at ? <Time when={token.last_used_at} /> : t('access.never')}</td>
                  <td><button type="button" class="button small" onClick={() => setRevoking(token)}>{t('access.revoke')}<span class="visually-hidden"> {token.name}</span></button></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>)}
      {adding && <AddToken onClose={() => setAdding(false)} onAdded={reload} />}
      {revoking && (
        <Dialog title={t('access.revoke')} onClose={() => setRevoking(undefined)}>
          <p>{t('access.revoke_text', {name: revoking.name})}</p>
          {action.error && <Failure error={action.error} />}
          <div class="actions">
            <button type="button" class="button" onClick={() => setRevoking(undefined)}>{t('action.cancel')}</button>
            <button type="button" class="button danger" disabled={action.busy} onClick={() => action.run(async () => {
              await sendJson('DELETE', `/v1/tokens/${revoking.id}`);
              setRevoking(undefined);
              reload();
            })}>{t('access.revoke')}</button>
          </div>
        </Dialog>)}
    </>
  );
}
