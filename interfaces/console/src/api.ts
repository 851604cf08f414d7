// The client of the API with the token of the present session, and how screens load from it.
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { createEaseboard, ProblemError } from "../../http/typescript/client.ts";
import { begun, failed, NOTHING_LOADED, succeeded, type LoadState } from "./load-state.ts";
import { foreignProblemOf, isErased, limitedSignal, type Problem } from "./problems.ts";
import { currentToken, signOut } from "./session/session.ts";
import { signOutErased } from "./session/erased.ts";

export { allItems, ProblemError, unwrap } from "../../http/typescript/client.ts";
export type { Problem };

/** What the server computes while the reader waits; like downloads it has no limit of time. */
const UNLIMITED: ReadonlySet<string> = new Set(["/api/v1/audit/verify"]);

/** The API of this server, as the signed-in person. `unwrap` returns the body of a response. */
export const api = createEaseboard({ url: location.origin, getToken: (renew) => currentToken(renew) });
api.use({
  onRequest({ request, options: { parseAs }, schemaPath }) {
    const isRead = request.method === "GET" || schemaPath.endsWith("/what-if");
    const isDownload = parseAs === "blob" || parseAs === "stream";
    return isRead && !isDownload && !UNLIMITED.has(schemaPath)
      ? new Request(request, { signal: limitedSignal(request.signal) })
      : undefined;
  },
  async onResponse({ response }) {
    if (response.status !== 410) return;
    const problem = (await response.clone().json().catch(() => undefined)) as Problem | undefined;
    if (problem && isErased(problem)) void signOutErased(api);
  },
});

/** Grows with each live message that changed data: what is shown is loaded again. */
export const dataVersion = signal(0);

export interface Loaded<T> {
  readonly data: T | undefined;
  /** When the data were loaded, in milliseconds since 1970. */
  readonly loadedAt: number | undefined;
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

/** After so long at most a load without an answer is repeated. */
const NEXT_TRY_SECONDS = 10;

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
  const [state, setState] = useState<LoadState<T>>(NOTHING_LOADED);
  const [round, setRound] = useState(0);
  const key = JSON.stringify(keys);
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
    setState((old) => begun(old, key, isKept));
    const end = (change: (old: LoadState<T>) => LoadState<T>) => {
      if (run.abort.signal.aborted) return;
      running.current = undefined;
      setState(change);
      if (run.isStale) setRound((old) => old + 1);
    };
    load(run.abort.signal).then(
      (data) => end(() => succeeded(data, key)),
      (error: unknown) => {
        const problem = problemOf(error, true);
        if (problem.status === 401 && !run.abort.signal.aborted) signOut(problem.detail);
        end((old) => failed(old, key, problem));
      },
    );
  }, [key, round, version]);
  useEffect(() => () => running.current?.abort.abort(), []);
  const isAway = state.problem?.status === 0;
  const seconds = isAway ? Math.min(everySeconds ?? Infinity, NEXT_TRY_SECONDS) : everySeconds;
  const reload = (): void => setRound((old) => old + 1);
  useRepeated(reload, seconds);
  return { ...state, reload };
}

/** Do something at an interval while the page is visible. */
function useRepeated(act: () => void, seconds: number | undefined): void {
  useEffect(() => {
    if (!seconds) return undefined;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") act();
    }, seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds]);
}

/** Return any error as a problem that can be shown; `isRepeated`: the page tries again by itself. */
export function problemOf(error: unknown, isRepeated = false): Problem {
  return error instanceof ProblemError ? error.problem : foreignProblemOf(error, isRepeated);
}
