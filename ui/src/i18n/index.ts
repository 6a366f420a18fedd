// Words in the reader's language. A language is one file beside en.ts; a test compares its keys with those that the
// code uses.
import type {ComponentChildren} from 'preact';
import {prefs, type Language} from '../base/prefs';
import {makeStore} from '../base/store';
import type {en} from './en';

export type Plural = {one: string; other: string};
export type Messages = {[Key in keyof typeof en]: (typeof en)[Key] extends string ? string : Plural};
export type MessageKey = keyof Messages;

const LOADERS: Record<Language, () => Promise<Messages>> = {
  en: async () => (await import('./en')).en,
  hi: async () => (await import('./hi')).hi,
  pseudo: async () => (await import('./pseudo')).pseudo,
};

let messages: Messages;
let current: Language = 'en';

// Counts up when other words are in force.
export const languageTurn = makeStore(0);

export async function loadLanguage(language: Language): Promise<void> {
  const loaded = await LOADERS[language]();
  if (prefs.get().language !== language) return;
  useMessages(loaded, language);
  languageTurn.set(languageTurn.get() + 1);
}

// For tests, which bring their messages along.
export function useMessages(loaded: Messages, language: Language): void {
  messages = loaded;
  current = language;
}

// For Intl: the English and Hindi of India, in which lakhs are grouped as people there read them.
export function locale(): string {
  return current === 'hi' ? 'hi-IN' : 'en-IN';
}

// Formats of Intl are dear to make: one for each locale.
export function perLocale<T>(make: (tag: string) => T): () => T {
  let made: {tag: string; format: T} | undefined;
  return () => {
    const tag = locale();
    if (made?.tag !== tag) made = {tag, format: make(tag)};
    return made.format;
  };
}

export type Params = {[name: string]: string | number};

const plurals = perLocale(tag => new Intl.PluralRules(tag));
const numbers = perLocale(tag => new Intl.NumberFormat(tag));
const lists = perLocale(tag => new Intl.ListFormat(tag, {type: 'conjunction'}));

export function formatNumber(value: number): string {
  return numbers().format(value);
}

function template(key: MessageKey, n: unknown): string {
  const message = messages[key] as string | Plural;
  return typeof message === 'string' ? message : plurals().select(Number(n)) === 'one' ? message.one : message.other;
}

const show = (value: string | number): string => (typeof value === 'number' ? formatNumber(value) : value);

// The message with its {names} filled in; {n} chooses the plural form.
export function t(key: MessageKey, params: Params = {}): string {
  return template(key, params['n']).replace(/\{(\w+)\}/g, (all, name: string) => {
    const value = params[name];
    return value === undefined ? all : show(value);
  });
}

// The same with elements in the gaps.
export function rich(key: MessageKey, params: {[name: string]: ComponentChildren}): ComponentChildren[] {
  return template(key, params['n']).split(/(\{\w+\})/).map(part => {
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined) return part;
    const value = params[name];
    return typeof value === 'number' ? formatNumber(value) : value;
  });
}

// A message that may not be there: names of columns, tables and values that only some installations have.
export function known(key: string): string | undefined {
  const message = (messages as Record<string, string | Plural>)[key];
  return typeof message === 'string' ? message : undefined;
}

export function knownPlural(key: string, n: number): string | undefined {
  if (!(key in messages)) return undefined;
  return t(key as MessageKey, {n});
}

export function formatList(items: string[]): string {
  return lists().format(items);
}
