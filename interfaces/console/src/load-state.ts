// How what a screen has loaded changes when a load begins, succeeds or fails.
import type { Problem } from "./problems.ts";

export interface LoadState<T> {
  /** The key of the newest load. */
  readonly key: string | undefined;
  readonly data: T | undefined;
  /** The key for which the data were loaded. */
  readonly dataKey: string | undefined;
  /** When the data were loaded, in milliseconds since 1970. */
  readonly loadedAt: number | undefined;
  readonly problem: Problem | undefined;
  readonly isLoading: boolean;
}

export const NOTHING_LOADED = {
  key: undefined,
  data: undefined,
  dataKey: undefined,
  loadedAt: undefined,
  problem: undefined,
  isLoading: true,
};

/** Return the state while a load is under way; `isKept`: the data of another key stay visible. */
export function begun<T>(old: LoadState<T>, key: string, isKept: boolean): LoadState<T> {
  if (old.key === key) return { ...old, isLoading: true };
  const kept = isKept ? old : NOTHING_LOADED;
  return { ...kept, key, problem: undefined, isLoading: true };
}

/** Return the state with the data of a key. */
export function succeeded<T>(data: T, key: string, now = Date.now()): LoadState<T> {
  return { key, data, dataKey: key, loadedAt: now, problem: undefined, isLoading: false };
}

/** Return the state after a failure: data of another key would be shown under the wrong heading. */
export function failed<T>(old: LoadState<T>, key: string, problem: Problem): LoadState<T> {
  const known = old.dataKey === key ? old : NOTHING_LOADED;
  return { ...known, key, problem, isLoading: false };
}
