// The frame around the views: navigation, who is signed in, keys.
import type {ComponentType, JSX} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {tenantName} from './base/labels';
import {Link, usePath} from './base/router';
import {loadSession, may, session, signOut} from './base/session';
import {useStore} from './base/store';
import type {Me, Right} from './base/types';
import {SafeText} from './entries/Value';
import {forgetCounted} from './search/completion';
import {languageTurn, known, t, type MessageKey} from './i18n';
import {Activity} from './views/Activity';
import {SignIn} from './views/SignIn';
import {Help} from './widgets/Help';
import {Icon, type IconName} from './widgets/Icon';
import {Logo} from './widgets/Logo';
import {Popover} from './widgets/Menu';
import {Preferences} from './widgets/Preferences';
import {Failure, Loading, Notice} from './widgets/State';
import {useKeys} from './widgets/keys';

// A view that is fetched when it is first looked at.
function later<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
  let View: ComponentType<P> | undefined;
  return function Later(props: P): JSX.Element {
    const [, redraw] = useState(0);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (View) return;
      load().then(view => {
        View = view;
        redraw(n => n + 1);
      }, () => setFailed(true));
    }, []);
    if (failed) return <Notice icon="warning" title={t('state.new_version')} kind="bad"><button type="button" class="button" onClick={() => location.reload()}>{t('action.reload')}</button></Notice>;
    return View ? <View {...props} /> : <Loading />;
  };
}

const RowView = later(async () => (await import('./views/RowView')).RowView);
const EntryView = later(async () => (await import('./views/EntryView')).EntryView);
const TableView = later(async () => (await import('./views/TableView')).TableView);
const Insights = later(async () => (await import('./insights/Insights')).Insights);
const Integrity = later(async () => (await import('./views/Integrity')).Integrity);
const Password = later(async () => (await import('./views/Password')).Password);
const Access = later(async () => (await import('./views/Access')).Access);

interface Section {
  path: string;
  name: MessageKey;
  icon: IconName;
  needs: Right[]; // any of them
}

// In the order in which people need them.
const SECTIONS: Section[] = [
  {path: '/', name: 'nav.activity', icon: 'activity', needs: ['read_entries']},
  {path: '/insights', name: 'nav.insights', icon: 'insights', needs: ['read_entries']},
  {path: '/integrity', name: 'nav.integrity', icon: 'integrity', needs: ['read_health', 'export', 'read_entries']},
  {path: '/access', name: 'nav.access', icon: 'access', needs: ['read_access', 'manage_people']},
];

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

function View({path}: {path: string}): JSX.Element {
  const parts = path.split('/').slice(1).map(decoded);
  const [first, second, third] = parts;
  const is = (name: string, count: number): boolean => first === name && parts.length === count && !parts.includes(undefined);
  if (path === '/' || path === '') return may('read_entries') ? <Activity /> : <Notice icon="lock" title={t('state.forbidden')}><p>{t('state.forbidden_text')}</p></Notice>;
  if (is('rows', 3)) return <RowView key={path} table={second!.includes('.') ? second! : `public.${second!}`} rowKey={third!} />;
  if (is('entries', 2)) return <EntryView key={path} seq={second!} />;
  if (is('tables', 2)) return <TableView key={path} table={second!.includes('.') ? second! : `public.${second!}`} />;
  if (is('insights', 1)) return <Insights />;
  if (is('integrity', 1)) return <Integrity />;
  if (is('access', 1)) return <Access />;
  return <div><h1>{t('state.no_page')}</h1><Notice icon="search" title={t('state.no_page_text')}><Link class="button" to="/">{t('nav.activity')}</Link></Notice></div>;
}

function You({me, onPassword}: {me: Me; onPassword: () => void}): JSX.Element {
  return (
    <Popover className="icon-button you" align="end" name={t('nav.you', {name: me.name})} label={<Icon name="settings" />}>
      {close => (
        <div class="you-panel">
          <p class="you-name"><strong><SafeText text={me.name} /></strong></p>
          <p class="note">{known(`role.${me.role}`)}{' · '}{me.tenant === null ? t('access.everything') : t('nav.tenant', {tenant: tenantName(me.tenant)})}</p>
          <Preferences />
          {me.kind === 'user' && <button type="button" class="button full" onClick={() => { close(); onPassword(); }}>{t('password.title')}</button>}
          {me.kind !== 'socket' && <button type="button" class="button full" onClick={() => { forgetCounted(); void signOut(); }}>{t('nav.sign_out')}</button>}
        </div>
      )}
    </Popover>
  );
}

function Frame({me}: {me: Me}): JSX.Element {
  const path = usePath();
  const [helping, setHelping] = useState(false);
  const [settingPassword, setSettingPassword] = useState(false);
  useKeys({onHelp: () => setHelping(true)});
  const sections = SECTIONS.filter(section => section.needs.some(may));
  const isHere = (section: Section): boolean => (section.path === '/' ? path === '/' || /^\/(rows|entries|tables)\//.test(path) : path.startsWith(section.path));
  return (
    <div class="frame">
      <a class="skip" href="#main" onClick={event => { event.preventDefault(); document.getElementById('main')?.focus(); }}>{t('nav.skip')}</a>
      <header class="side">
        <Link to="/" class="home"><Logo /></Link>
        <nav class="nav" aria-label={t('nav.label')}>
          {sections.map(section => <Link key={section.path} to={section.path} current={isHere(section)}><Icon name={section.icon} /><span>{t(section.name)}</span></Link>)}
        </nav>
        <div class="side-foot">
          <p class="who"><strong><SafeText text={me.name} /></strong><span>{known(`role.${me.role}`)}{me.tenant !== null && ` · ${t('nav.tenant', {tenant: tenantName(me.tenant)})}`}</span></p>
          <button type="button" class="icon-button" aria-label={t('help.title')} onClick={() => setHelping(true)}>?</button>
          <You me={me} onPassword={() => setSettingPassword(true)} />
        </div>
      </header>
      <main id="main" tabIndex={-1}><View path={path} /></main>
      {settingPassword && <Password me={me} onClose={() => setSettingPassword(false)} />}
      {helping && <Help onClose={() => setHelping(false)} />}
    </div>
  );
}

export function App(): JSX.Element {
  useStore(languageTurn);
  const now = useStore(session);
  useEffect(() => {
    // A sign-in link while somebody is signed in: the link wins.
    const look = (): void => {
      if (location.hash.startsWith('#/sign-in') && session.get().state === 'in') session.set({state: 'out'});
    };
    addEventListener('hashchange', look);
    return () => removeEventListener('hashchange', look);
  }, []);
  switch (now.state) {
    case 'asking': return <main id="main" class="alone"><Loading lines={3} /></main>;
    case 'out': return <SignIn />;
    case 'unreachable': return <main id="main" class="alone"><h1 class="visually-hidden">Rowledger</h1><Failure error={now.error} retry={() => void loadSession()} /></main>;
    case 'in': return <Frame me={now.me} />;
  }
}

