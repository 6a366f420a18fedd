import {render} from 'preact';
import {App} from './app';
import {askAhead, whenSignedOut} from './base/api';
import {changePrefs, prefs, settlePrefs} from './base/prefs';
import {loadSession, session} from './base/session';
import {firstPagePath} from './entries/feed';
import {loadLanguage} from './i18n';
import {startClock} from './i18n/time';

async function begin(): Promise<void> {
  settlePrefs();
  startClock();
  whenSignedOut(() => session.set({state: 'out'}));
  const asked = location.hash.startsWith('#/sign-in');
  const parameters = new URLSearchParams(location.search);
  // One round trip: the changes are on their way while it is found out who is there, and words are fetched.
  if (!asked && location.pathname === '/') askAhead(firstPagePath(parameters.get('q') ?? '', parameters.get('all') === '1'));
  // A sign-in link needs no question who is there.
  const known = asked ? Promise.resolve(session.set({state: 'out'})) : loadSession();
  let language = prefs.get().language;
  try {
    await loadLanguage(language);
  } catch {
    changePrefs({language: (language = 'en')});
    await loadLanguage(language);
  }
  prefs.watch(next => {
    if (next.language !== language) void loadLanguage((language = next.language));
  });
  render(<App />, document.getElementById('app')!);
  await known;
}

void begin();
