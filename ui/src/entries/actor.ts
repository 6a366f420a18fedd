// Who made a change, in words that never say more than is known.
import type {Entry} from '../base/types';
import {known, t} from '../i18n';

export interface Who {
  name: string;
  kind: 'person' | 'program' | 'database' | 'unknown';
  search?: string; // finds more of the same
  initials: string;
}

const quoted = (text: string): string => (/^[\p{L}\p{N}_.@-]+$/u.test(text) ? text : `"${text.replace(/["\\]/g, '\\$&')}"`);

export function initialsOf(name: string): string {
  const parts = name.trim().split(/\s+/).filter(part => /[\p{L}\p{N}]/u.test(part));
  const letters = [parts[0], parts.length > 1 ? parts[parts.length - 1] : undefined].map(part => (part ? [...new Intl.Segmenter().segment(part)][0]?.segment ?? '' : ''));
  return letters.join('').toUpperCase();
}

function contextText(entry: Entry, name: string): string | undefined {
  const value = entry.context?.[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function whoOf(entry: Entry): Who {
  const actor = entry.actor;
  const name = actor?.name ?? (actor?.id === undefined ? undefined : t('actor.with_id', {id: actor.id}));
  if (name !== undefined)
    return {name, kind: 'person', search: `actor:${quoted(actor?.id ?? name)}`, initials: initialsOf(actor?.name ?? actor?.id ?? '')};
  const flow = contextText(entry, 'flow'), job = contextText(entry, 'job');
  if (flow !== undefined) return {name: t('actor.flow', {name: flow}), kind: 'program', search: 'via:flow', initials: ''};
  if (job !== undefined) return {name: t('actor.job', {name: job}), kind: 'program', search: 'via:job', initials: ''};
  // Its name is not for every reader.
  if (entry.via === 'flow') return {name: t('actor.a_flow'), kind: 'program', search: 'via:flow', initials: ''};
  if (entry.via === 'job') return {name: t('actor.a_job'), kind: 'program', search: 'via:job', initials: ''};
  if (entry.via === 'trigger') return {name: t('actor.trigger'), kind: 'program', search: 'via:trigger', initials: ''};
  const role = entry.db?.role;
  if (actor?.trust === 'database' && role !== undefined) {
    const tool = entry.db?.application;
    return {
      name: tool ? t('actor.role_in', {role, application: tool}) : t('actor.role', {role}),
      kind: 'database', search: `role:${quoted(role)}`, initials: '',
    };
  }
  return {name: t('actor.unknown'), kind: 'unknown', initials: ''};
}

export function viaName(via: string): string {
  return known(`via.${via}`) ?? via;
}

export function searchWord(text: string): string {
  return quoted(text);
}
