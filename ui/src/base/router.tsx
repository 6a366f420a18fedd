// The address is the whole state of a view: every view reads it and changes it here.
import type {ComponentChildren, JSX} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {afterFrame} from './frame';
import {makeStore, useStore} from './store';

export interface Place {
  path: string;
  parameters: URLSearchParams;
}

function here(): Place {
  return {path: location.pathname, parameters: new URLSearchParams(location.search)};
}

export const place = makeStore<Place>(here());

// What place says and the browser's address does not yet: writing it there takes longer than a reader should wait for.
let unwritten: string | undefined;
function writeAddress(): void {
  if (unwritten !== undefined) history.replaceState(null, '', unwritten);
  unwritten = undefined;
}

addEventListener('popstate', () => {
  unwritten = undefined;
  place.set(here());
});

export function usePlace(): Place {
  return useStore(place);
}

// For what does not change with the parameters.
export function usePath(): string {
  const [path, setPath] = useState(place.get().path);
  useEffect(() => {
    setPath(place.get().path);
    return place.watch(next => setPath(next.path));
  }, []);
  return path;
}

export function navigate(target: string, options: {replace?: boolean} = {}): void {
  writeAddress();
  if (target === location.pathname + location.search) return;
  history[options.replace ? 'replaceState' : 'pushState'](null, '', target);
  place.set(here());
  if (!options.replace) scrollTo(0, 0);
}

export type Changes = Record<string, string | number | null | undefined>;

// This place with some parameters changed; null or empty removes one.
export function withParameters(at: Place, changes: Changes): string {
  const parameters = new URLSearchParams(at.parameters);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === '') parameters.delete(name);
    else parameters.set(name, String(value));
  }
  const query = parameters.toString();
  return at.path + (query === '' ? '' : `?${query}`);
}

// Changes parameters in place: no new step in the browser's history.
export function adjust(changes: Changes): void {
  const {path} = place.get();
  const target = withParameters(place.get(), changes);
  if (unwritten === undefined) afterFrame(writeAddress);
  unwritten = target;
  place.set({path, parameters: new URLSearchParams(target.slice(path.length))});
}

export function addressHere(): string {
  writeAddress();
  return location.href;
}

export function searchPath(q: string, extra: Changes = {}): string {
  return withParameters({path: '/', parameters: new URLSearchParams()}, {q, ...extra});
}

export function rowPagePath(table: string, key: string, extra: Changes = {}): string {
  const path = `/rows/${encodeURIComponent(table)}/${encodeURIComponent(key)}`;
  return withParameters({path, parameters: new URLSearchParams()}, extra);
}

type LinkProps = {to: string; children: ComponentChildren; class?: string; title?: string; current?: boolean; onFollow?: () => void};

// A real link, so that it can be copied and opened in a new tab.
export function Link({to, children, current, onFollow, ...rest}: LinkProps): JSX.Element {
  return (
    <a {...rest} href={to} aria-current={current ? 'page' : undefined} onClick={event => {
      if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      onFollow?.();
      navigate(to);
    }}>{children}</a>
  );
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · Rowledger`;
  }, [title]);
}
