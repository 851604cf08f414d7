// The requests of the auditor's screens; each is recorded as a reading by the server.
import { api, unwrap } from "../api.ts";
import type { AuditedEvent, ViewDiff, ViewThen } from "./audit-types.ts";
import { CHANGE_TYPES } from "./changes.ts";

const PAGE_SIZE = 500;
const MAX_PAGES = 20;

export interface EventFilter {
  readonly type?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly sort?: "position" | "-position";
}

export interface EventPage {
  readonly items: AuditedEvent[];
  readonly next_cursor: string | null;
}

/** Load a page of the events of a connection. */
export function loadEvents(
  connectionId: string,
  { type, since, until, sort = "-position" }: EventFilter,
  { cursor, limit = 100, signal }: { cursor?: string; limit?: number; signal?: AbortSignal } = {},
): Promise<EventPage> {
  const filter = { ...(type && { type }), ...(since && { since }), ...(until && { until }) };
  return unwrap(
    api.GET("/api/v1/audit/connections/{connection_id}/events", {
      params: {
        path: { connection_id: connectionId },
        query: { ...filter, sort, limit, ...(cursor && { cursor }) },
      },
      ...(signal && { signal }),
    }),
  );
}

/** Load the events that changed what the student saw, at most 10,000, the newest ones first. */
export async function loadChangeEvents(
  connectionId: string,
  signal: AbortSignal,
): Promise<{ events: AuditedEvent[]; isComplete: boolean }> {
  const filter = { type: CHANGE_TYPES.join(",") };
  const events: AuditedEvent[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const options = { limit: PAGE_SIZE, signal, ...(cursor && { cursor }) };
    const { items, next_cursor } = await loadEvents(connectionId, filter, options);
    events.push(...items);
    if (next_cursor === null) return { events, isComplete: true };
    cursor = next_cursor;
  }
  return { events, isComplete: false };
}

/** Load what the student saw at a moment; without one, what they see now. */
export function loadView(
  connectionId: string,
  asOf: string | undefined,
  signal: AbortSignal,
): Promise<ViewThen> {
  return unwrap(
    api.GET("/api/v1/audit/connections/{connection_id}/view", {
      params: { path: { connection_id: connectionId }, query: asOf ? { as_of: asOf } : {} },
      signal,
    }),
  );
}

/** Load what differs between two moments, in either order. */
export function loadDifference(
  connectionId: string,
  first: string,
  second: string | undefined,
  signal: AbortSignal,
): Promise<ViewDiff> {
  const isReverse = second !== undefined && new Date(first) > new Date(second);
  const [from, to] = isReverse ? [second, first] : [first, second];
  return unwrap(
    api.GET("/api/v1/audit/connections/{connection_id}/diff", {
      params: { path: { connection_id: connectionId }, query: { from, ...(to && { to }) } },
      signal,
    }),
  );
}
