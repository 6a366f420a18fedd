// A time, relative, with the exact one on hover and for whoever reads with ears.
import type {JSX} from 'preact';
import {useStore} from '../base/store';
import {clock, exactTime, relativeTime} from '../i18n/time';

export function Time({when, exact = false}: {when: Date | string | null | undefined; exact?: boolean}): JSX.Element | null {
  const now = useStore(clock);
  if (!when) return null;
  const date = typeof when === 'string' ? new Date(when) : when;
  if (Number.isNaN(date.getTime())) return null;
  const full = exactTime(date);
  return <time dateTime={date.toISOString()} title={full}>{exact ? full : relativeTime(date, new Date(Math.max(now.getTime(), date.getTime())))}</time>;
}
