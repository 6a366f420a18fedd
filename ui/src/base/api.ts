// Requests to the daemon that served this page. Nothing else is ever asked.
import type {Json} from './types';

// RFC 9457, with the search's own members.
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  message?: string;
  position?: number; // in bytes of the UTF-8 text
  length?: number;
  suggestion?: string;
}

export class ApiError extends Error {
  constructor(readonly problem: Problem, readonly etag?: string) {
    super(problem.detail ?? problem.title);
  }
  get status(): number {
    return this.problem.status;
  }
}

const UNREACHABLE: Problem = {type: '/problems/unreachable', title: 'unreachable', status: 0};

let csrf = '';
export function setCsrf(token: string | undefined): void {
  csrf = token ?? '';
}

let onSignedOut = (): void => undefined;
// Called when a request finds that nobody is signed in any more.
export function whenSignedOut(act: () => void): void {
  onSignedOut = act;
}

// Numbers that JavaScript would round keep their very text (as strings): 1.10, 12345678901234567890.
export function parseJson(text: string): unknown {
  const keep = (_name: string, value: unknown, context?: {source?: string}): unknown =>
    typeof value === 'number' && context?.source !== undefined && String(value) !== context.source ? context.source : value;
  return JSON.parse(text, keep as (name: string, value: unknown) => unknown);
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    const problem = parseJson(await response.text()) as Problem;
    return {...problem, status: response.status};
  } catch {
    return {type: '/problems/unknown', title: `HTTP ${response.status}`, status: response.status};
  }
}

interface Options {
  method?: string;
  body?: Json;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  signingIn?: boolean; // a refusal is an answer here, not the end of a session
}

const AHEAD_MS = 5_000;
const ahead = new Map<string, Promise<Response>>();
// Sends a question before the view that asks it is there; that view's request() gets the answer.
export function askAhead(path: string): void {
  const answer = send(path, {});
  answer.catch(() => undefined); // for whoever asks
  ahead.set(path, answer);
  setTimeout(() => ahead.delete(path), AHEAD_MS);
}

function send(path: string, options: Options): Promise<Response> {
  const method = options.method ?? 'GET';
  const headers: Record<string, string> = {Accept: 'application/json', ...options.headers};
  if (options.body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET' && csrf !== '') headers['X-CSRF-Token'] = csrf;
  return fetch(path, {
    method, headers, credentials: 'same-origin', cache: 'no-store',
    ...(options.body === undefined ? {} : {body: JSON.stringify(options.body)}),
    ...(options.signal ? {signal: options.signal} : {}),
  });
}

export async function request(path: string, options: Options = {}): Promise<Response> {
  const reads = (options.method ?? 'GET') === 'GET';
  const asked = reads ? ahead.get(path) : undefined;
  if (reads) ahead.delete(path);
  else ahead.clear(); // what was asked before a change is old, or was asked by somebody else
  let response: Response;
  try {
    response = await (asked ?? send(path, options));
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(UNREACHABLE);
  }
  if (!response.ok) {
    if (response.status === 401 && !options.signingIn) onSignedOut();
    throw new ApiError(await problemOf(response));
  }
  return response;
}

export async function getJson<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(path, signal ? {signal} : {});
  return parseJson(await response.text()) as T;
}

export async function sendJson<T>(method: string, path: string, body?: Json, headers?: Record<string, string>): Promise<T> {
  const response = await request(path, {method, ...(body === undefined ? {} : {body}), ...(headers ? {headers} : {})});
  const text = await response.text();
  return (text === '' ? undefined : parseJson(text)) as T;
}

// "/v1/entries?q=a%20b": parameters without a value are left out.
export function address(path: string, parameters: Record<string, string | number | boolean | undefined>): string {
  const query = Object.entries(parameters)
    .filter(([, value]) => value !== undefined && value !== '' && value !== false)
    .map(([name, value]) => `${name}=${encodeURIComponent(value === true ? '1' : String(value))}`)
    .join('&');
  return query === '' ? path : `${path}?${query}`;
}

// The parts of a row's key as one path segment: "42", or "a,b" with each part encoded.
export function keySegment(key: {[column: string]: string}): string {
  const parts = Object.values(key);
  return parts.length === 1 ? parts[0]! : parts.map(encodeURIComponent).join(',');
}

export function rowPath(table: string, key: string): string {
  return `/v1/rows/${encodeURIComponent(table)}/${encodeURIComponent(key)}`;
}
