// What a person likes: language, theme, time zone. Kept in this browser; ?lang=, ?theme=, ?zone= in an address win once
// and are kept from then on.
import {makeStore} from './store';

export const LANGUAGES = ['en', 'hi', 'pseudo'] as const;
export type Language = (typeof LANGUAGES)[number];
export const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];
export const ZONES = ['organisation', 'browser', 'utc'] as const;
export type Zone = (typeof ZONES)[number];

export interface Prefs {
  language: Language;
  theme: Theme;
  zone: Zone;
}

const NAME = 'rowledger.prefs';

function oneOf<T extends string>(allowed: readonly T[], ...wanted: unknown[]): T | undefined {
  return wanted.find((each): each is T => (allowed as readonly unknown[]).includes(each));
}

function stored(): Partial<Prefs> {
  try {
    return JSON.parse(localStorage.getItem(NAME) ?? '{}') as Partial<Prefs>;
  } catch {
    return {};
  }
}

function initial(): Prefs {
  const kept = stored();
  const asked = new URLSearchParams(location.search);
  return {
    language: oneOf(LANGUAGES, asked.get('lang'), kept.language, ...navigator.languages.map(tag => tag.slice(0, 2))) ?? 'en',
    theme: oneOf(THEMES, asked.get('theme'), kept.theme) ?? 'system',
    zone: oneOf(ZONES, asked.get('zone'), kept.zone) ?? 'organisation',
  };
}

export const prefs = makeStore<Prefs>(initial());

// The theme that holds: chosen, or the device's.
export const shownTheme = makeStore<'light' | 'dark'>('light');

function apply(now: Prefs, deviceIsDark: boolean): void {
  document.documentElement.lang = now.language === 'pseudo' ? 'en-x-pseudo' : now.language;
  const theme = now.theme !== 'system' ? now.theme : deviceIsDark ? 'dark' : 'light';
  document.documentElement.dataset['theme'] = theme;
  shownTheme.set(theme);
}

const deviceTheme = (): MediaQueryList => matchMedia('(prefers-color-scheme: dark)');

export function changePrefs(changes: Partial<Prefs>): void {
  const next = {...prefs.get(), ...changes};
  try {
    localStorage.setItem(NAME, JSON.stringify(next));
  } catch {
    // A browser that keeps nothing: it holds until the page is left.
  }
  apply(next, deviceTheme().matches);
  prefs.set(next);
}

// At the start: what the address asked for is kept, and leaves the address.
export function settlePrefs(): void {
  const asked = new URLSearchParams(location.search);
  const named = ['lang', 'theme', 'zone'].filter(name => asked.has(name));
  changePrefs({});
  deviceTheme().addEventListener('change', event => apply(prefs.get(), event.matches));
  if (named.length === 0) return;
  for (const name of named) asked.delete(name);
  const rest = asked.toString();
  history.replaceState(null, '', location.pathname + (rest === '' ? '' : `?${rest}`) + location.hash);
}
