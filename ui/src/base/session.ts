// Who is signed in.
import {ApiError, getJson, request, sendJson, setCsrf} from './api';
import {setLabels} from './labels';
import {makeStore} from './store';
import type {Me, Right} from './types';
import {setOrganisationZone} from '../i18n/time';

export type Session = {state: 'asking'} | {state: 'out'} | {state: 'unreachable'; error: ApiError} | {state: 'in'; me: Me};
export const session = makeStore<Session>({state: 'asking'});

export async function loadSession(): Promise<void> {
  try {
    const me = await getJson<Me>('/v1/me');
    setCsrf(me.csrf);
    setOrganisationZone(me.time_zone);
    setLabels(me);
    session.set({state: 'in', me});
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) session.set({state: 'out'});
    else session.set({state: 'unreachable', error: error as ApiError});
  }
}

// credentials: a name and password, or the secret of a one-time link. Throws ApiError when it is refused.
export async function signIn(credentials: {name: string; password: string} | {link: string}): Promise<void> {
  await request('/v1/session', {method: 'POST', body: credentials, signingIn: true});
  await loadSession();
}

export async function signOut(): Promise<void> {
  try {
    await sendJson('DELETE', '/v1/session');
  } finally {
    setCsrf(undefined);
    session.set({state: 'out'});
  }
}

export function may(right: Right): boolean {
  const now = session.get();
  return now.state === 'in' && now.me.rights.includes(right);
}

export function me(): Me | undefined {
  const now = session.get();
  return now.state === 'in' ? now.me : undefined;
}
