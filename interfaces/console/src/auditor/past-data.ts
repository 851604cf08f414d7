// What the time machine loads: the changes, the view at a moment, and its difference to another one.
import { useEffect, useMemo, useState } from "preact/hooks";
import { useLoaded, type Loaded } from "../api.ts";
import { route, setParameters } from "../router.ts";
import { loadChangeEvents, loadDifference, loadView } from "./audit-requests.ts";
import type { ViewDiff, ViewThen } from "./audit-types.ts";
import { changesOf, type Change } from "./changes.ts";
import { rememberConnections } from "./connection-head.tsx";
import { isFuture, momentOf } from "./moments.ts";
import { useCalm } from "./waiting.ts";

export interface PastData {
  /** The moment of the address; undefined is now, as is one in the future. */
  readonly moment: string | undefined;
  /** The moment with which it is compared. */
  readonly other: string | undefined;
  /** Whether a moment of the address is in the future. */
  readonly hasFuture: boolean;
  /** The time up to which the changes were loaded, in milliseconds since 1970. */
  readonly now: number;
  readonly changes: readonly Change[];
  readonly history: Loaded<{ isComplete: boolean }>;
  readonly view: Loaded<ViewThen>;
  readonly difference: Loaded<ViewDiff | null>;
  /** Whether another view than the shown one is on its way. */
  readonly isWaiting: boolean;
  /** Show the present, with what was recorded since the screen was opened. */
  readonly showNow: () => void;
}

/** Load for the moments of the address; what is loaded stays visible until the next is there. */
export function usePast(id: string): PastData {
  const { query } = route.value;
  const [asOf, from] = [momentOf(query.get("as_of")), momentOf(query.get("from"))];
  const [now, setNow] = useState(Date.now);
  const moment = isFuture(asOf) ? undefined : asOf;
  const other = isFuture(from) ? new Date(now).toISOString() : from;
  const wanted = useMemo(() => ({ moment, other, now }), [moment, other, now]);
  const calm = useCalm(wanted);
  const history = useLoaded((signal) => loadChangeEvents(id, signal), [id, now], { isKept: true });
  const view = useLoaded((signal) => loadView(id, calm.moment, signal), [id, calm.moment, calm.now], {
    isKept: true,
  });
  const difference = useLoaded(
    async (signal) => (calm.other ? loadDifference(id, calm.other, calm.moment, signal) : null),
    [id, calm.other, calm.moment, calm.now],
  );
  useEffect(() => {
    if (view.data?.connection) rememberConnections([view.data.connection]);
  }, [view.data]);
  const changes = useMemo(() => changesOf(history.data?.events ?? []), [history.data]);
  const isWaiting = view.isLoading || calm.moment !== moment;
  const showNow = () => {
    setParameters({ as_of: undefined });
    setNow(Date.now());
  };
  const hasFuture = isFuture(asOf) || isFuture(from);
  return { moment, other, hasFuture, now, changes, history, view, difference, isWaiting, showNow };
}
