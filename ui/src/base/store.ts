// A value that pages watch. One per concern; no framework.
import {useEffect, useState} from 'preact/hooks';

export interface Store<T> {
  get(): T;
  set(value: T): void;
  watch(act: (value: T) => void): () => void;
}

export function makeStore<T>(initial: T): Store<T> {
  let value = initial;
  const watchers = new Set<(value: T) => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      for (const act of [...watchers]) act(value);
    },
    watch(act) {
      watchers.add(act);
      return () => watchers.delete(act);
    },
  };
}

export function useStore<T>(store: Store<T>): T {
  const [value, setValue] = useState(store.get());
  useEffect(() => {
    setValue(() => store.get());
    return store.watch(next => setValue(() => next));
  }, [store]);
  return value;
}
