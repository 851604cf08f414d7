// The client of the API with the token of the present session, and how screens load from it.
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { createEaseboard, ProblemError, type Problem } from "../../http/typescript/client.ts";
import { currentToken, signOut } from "./session/session.ts";

export { allItems, ProblemError, unwrap } from "../../http/typescript/client.ts";
export type { Problem };

/** The API of this server, as the signed-in person. `unwrap` returns the body of a response. */
export const api = createEaseboard({ url: location.origin, getToken: (renew) => currentToken(renew) });

/** Grows with each live message that changed data: what is shown is loaded again. */
export const dataVersion = signal(0);

export interface Loaded<T> {
  readonly data: T | undefined;
  readonly problem: Problem | undefined;
  readonly isLoading: boolean;
  readonly reload: () => void;
}

export interface LoadOptions {
  /** Load again at this interval, while the page is visible. */
  readonly everySeconds?: number;
  /** Load again when a live message says that data have changed (default: no). */
  readonly isLive?: boolean;
  /** Keep the data of the keys before visible while those of new keys are loaded (default: no). */
  readonly isKept?: boolean;
}

/** A load under way. What changes meanwhile makes it stale: the next one follows it. */
interface Run {
  readonly key: string;
  readonly abort: AbortController;
  isStale: boolean;
}

/**
 * Load data for a component, again whenever one of `keys` changes.
 * The data of the last load stay visible while new ones are loaded.
 */
export function useLoaded<T>(
  load: (signal: AbortSignal) => Promise<T>,
  keys: readonly unknown[],
  { everySeconds, isLive = false, isKept = false }: LoadOptions = {},
): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, "reload">>(LOADING);
  const [round, setRound] = useState(0);
  const key = JSON.stringify(keys);
  const lastKey = useRef(key);
  const running = useRef<Run | undefined>(undefined);
  const version = isLive ? dataVersion.value : 0;
  useEffect(() => {
    if (running.current?.key === key) {
      running.current.isStale = true;
      return;
    }
    running.current?.abort.abort();
    const run = { key, abort: new AbortController(), isStale: false };
    running.current = run;
    const isOther = key !== lastKey.current;
    lastKey.current = key;
    setState((old) => (isOther && !isKept ? LOADING : { ...old, isLoading: true }));
    const end = (change: (old: Omit<Loaded<T>, "reload">) => Omit<Loaded<T>, "reload">) => {
      if (run.abort.signal.aborted) return;
      running.current = undefined;
      setState(change);
      if (run.isStale) setRound((old) => old + 1);
    };
    load(run.abort.signal).then(
      (data) => end(() => ({ data, problem: undefined, isLoading: false })),
      (error: unknown) => {
        const problem = problemOf(error);
        if (problem.status === 401 && !run.abort.signal.aborted) signOut(problem.detail);
        end((old) => ({ ...old, problem, isLoading: false }));
      },
    );
  }, [key, round, version]);
  useEffect(() => () => running.current?.abort.abort(), []);
  useEffect(() => {
    if (!everySeconds) return undefined;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") setRound((old) => old + 1);
    }, everySeconds * 1000);
    return () => clearInterval(timer);
  }, [everySeconds]);
  return { ...state, reload: () => setRound((old) => old + 1) };
}

const LOADING = { data: undefined, problem: undefined, isLoading: true };

/** Return any error as a problem that can be shown. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  const detail = error instanceof Error ? error.message : String(error);
  return { ...UNREACHABLE, detail };
}

const UNREACHABLE = {
  type: "about:blank",
  title: "The request did not succeed",
  status: 0,
  instance: "",
  request_id: "",
};
