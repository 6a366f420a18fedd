// Fetching for a view: the newest request wins, and leaving the view ends it.
import {useCallback, useEffect, useRef, useState} from 'preact/hooks';
import {ApiError} from './api';

export interface Loaded<T> {
  data: T | undefined; // the last answer, kept while a new one is on its way
  error: ApiError | undefined;
  loading: boolean;
  reload: () => void;
}

// key: what the answer depends on; undefined: nothing is asked.
export function useLoad<T>(key: string | undefined, load: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{key?: string; data?: T; error?: ApiError; loading: boolean}>({loading: key !== undefined});
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    if (key === undefined) {
      setState({loading: false});
      return;
    }
    const controller = new AbortController();
    setState(before => ({...before, loading: true}));
    latest.current(controller.signal).then(
      data => {
        if (!controller.signal.aborted) setState({key, data, loading: false});
      },
      (error: unknown) => {
        if (controller.signal.aborted) return;
        setState({key, loading: false, error: asApiError(error)});
      });
    return () => controller.abort();
  }, [key, turn]);
  const reload = useCallback(() => setTurn(n => n + 1), []);
  return {data: state.data, error: state.error, loading: state.loading || (key !== undefined && state.key !== key), reload};
}

export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError({type: '/problems/page', title: String(error), status: 0, detail: String(error)});
}
