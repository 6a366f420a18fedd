// Signing in: with a name and password, or by the link that an administrator gave.
import type {JSX} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {ApiError} from '../base/api';
import {asApiError} from '../base/load';
import {useTitle} from '../base/router';
import {signIn} from '../base/session';
import {t} from '../i18n';
import {Logo} from '../widgets/Logo';
import {LanguageChoice} from '../widgets/Preferences';
import {Icon} from '../widgets/Icon';

// "#/sign-in?link=SECRET": behind the #, so that no server's log ever has it.
function linkSecret(): string | undefined {
  const match = /^#\/sign-in\?(.*)$/.exec(location.hash);
  return match ? new URLSearchParams(match[1]).get('link') ?? undefined : undefined;
}

function Refusal({error, byLink}: {error: ApiError; byLink: boolean}): JSX.Element {
  const isRefused = error.status >= 400 && error.status < 500 && error.status !== 429;
  const said = error.status === 429 ? t('signin.too_many') : error.status === 0 ? t('state.unreachable_text')
    : isRefused ? t(byLink ? 'signin.link_refused' : 'signin.refused') : error.message;
  return (
    <div class="form-error">
      <p><Icon name="warning" size={18} /> {said}</p>
      {isRefused && byLink && <p>{t('signin.new_link')} <code>rowledger user link {t('signin.name')}</code></p>}
    </div>
  );
}

export function SignIn(): JSX.Element {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [refused, setRefused] = useState<{error: ApiError; byLink: boolean}>();
  const [busy, setBusy] = useState(false);
  useTitle(t('signin.title'));

  const attempt = async (credentials: Parameters<typeof signIn>[0]): Promise<void> => {
    setBusy(true);
    setRefused(undefined);
    try {
      await signIn(credentials);
    } catch (caught) {
      setRefused({error: asApiError(caught), byLink: 'link' in credentials});
      setBusy(false);
    }
  };
  useEffect(() => {
    const take = (): void => {
      const link = linkSecret();
      if (link === undefined) return;
      // Used once; it does not stay in the history either.
      history.replaceState(null, '', location.pathname + location.search);
      void attempt({link});
    };
    take();
    addEventListener('hashchange', take);
    return () => removeEventListener('hashchange', take);
  }, []);

  return (
    <main class="sign-in" id="main">
      <div class="sign-in-card">
        <Logo />
        <h1>{t('signin.title')}</h1>
        <p class="note">{t('signin.text')}</p>
        <form onSubmit={event => {
          event.preventDefault();
          void attempt({name: name.trim(), password});
        }}>
          <label class="field"><span>{t('signin.name')}</span>
            <input type="text" autocomplete="username" autocapitalize="none" spellcheck={false} required value={name} onInput={event => setName(event.currentTarget.value)} /></label>
          <label class="field"><span>{t('signin.password')}</span>
            <input type="password" autocomplete="current-password" required value={password} onInput={event => setPassword(event.currentTarget.value)} /></label>
          <div role="alert">{refused && <Refusal {...refused} />}</div>
          <button type="submit" class="button primary full" disabled={busy}>{busy ? t('signin.busy') : t('signin.go')}</button>
        </form>
        <p class="note">{t('signin.help')}</p>
        <LanguageChoice />
      </div>
    </main>
  );
}
