// The moments at which something changed for the student: groups of events, in the order of time.
import type { AuditedEvent } from "./audit-types.ts";

/** What was recorded together by one run, or one event of the connection. */
export interface Change {
  /** When its last event was recorded (RFC 3339): the student saw all of it from then on. */
  readonly at: string;
  readonly key: string;
  /** Oldest first. */
  readonly events: readonly AuditedEvent[];
  /** Whether the first sync found it, so that it is no news. */
  readonly isFirstReading: boolean;
}

/** The types of events after which the student sees something else. */
export const CHANGE_TYPES: readonly string[] = [
  "ConnectionOpened",
  "TokenRotated",
  "TokenRejected",
  "ConnectionClosed",
  "CourseFetched",
  "CourseWithdrawn",
  "DueDateChanged",
  "GradeChanged",
  "SyncFailed",
];

const NOT_OF_A_RUN = new Set(["ConnectionOpened", "TokenRotated", "TokenRejected", "ConnectionClosed"]);

export const timeOf = (time: string): number => new Date(time).getTime();

/** Group events by run; the result is in the order of time, whatever the order of the events. */
export function changesOf(events: readonly AuditedEvent[]): Change[] {
  const groups = new Map<string, AuditedEvent[]>();
  for (const event of [...events].sort((a, b) => a.position - b.position)) {
    const key = groupOf(event);
    const group = groups.get(key);
    if (group) group.push(event);
    else groups.set(key, [event]);
  }
  return [...groups].map(([key, group]) => changeOf(key, group)).sort(byTime);
}

function changeOf(key: string, events: readonly AuditedEvent[]): Change {
  const last = events.reduce((a, b) => (b.position > a.position ? b : a));
  const isFirstReading = events.some(({ payload }) => payload["baseline"] === true);
  return { key, at: last.recorded_at, events, isFirstReading };
}

/** Events of an erased person have no id of their run; their request is what they share. */
function groupOf(event: AuditedEvent): string {
  if (NOT_OF_A_RUN.has(event.type)) return event.event_id;
  return String(event.payload["sync_id"] ?? event.correlation_id ?? event.event_id);
}

function byTime(a: Change, b: Change): number {
  return timeOf(a.at) - timeOf(b.at) || (a.at < b.at ? -1 : 1);
}

/** Return the last change at or before a time. */
export function changeAt(changes: readonly Change[], time: number): Change | undefined {
  return changes.findLast(({ at }) => timeOf(at) <= time);
}

/** Return the change before the one that is shown at a time; at its start, the one before that. */
export function previousChange(changes: readonly Change[], time: number): Change | undefined {
  return changes.findLast(({ at }) => timeOf(at) < time);
}

/** Return the next change after a time. */
export function nextChange(changes: readonly Change[], time: number): Change | undefined {
  return changes.find(({ at }) => timeOf(at) > time);
}

/** Return the change that is nearest to a time, if it is not farther than `reach` milliseconds. */
export function nearestChange(changes: readonly Change[], time: number, reach: number): Change | undefined {
  const [before, after] = [changeAt(changes, time), nextChange(changes, time)];
  const distance = (change: Change | undefined) => (change ? Math.abs(timeOf(change.at) - time) : Infinity);
  const nearest = distance(before) <= distance(after) ? before : after;
  return distance(nearest) <= reach ? nearest : undefined;
}

/** A mark below the slider: where it is, from 0 to 1, and how many changes it stands for. */
export interface Mark {
  readonly place: number;
  readonly count: number;
}

/** Return marks for changes between two times; changes closer than 1/`slots` share one. */
export function marksOf(
  changes: readonly Change[],
  [start, end]: readonly [number, number],
  slots = 240,
): Mark[] {
  const counts = new Map<number, number>();
  for (const { at } of changes) {
    const place = end > start ? (timeOf(at) - start) / (end - start) : 0;
    const slot = Math.round(Math.min(Math.max(place, 0), 1) * slots);
    counts.set(slot, (counts.get(slot) ?? 0) + 1);
  }
  return [...counts].map(([slot, count]) => ({ place: slot / slots, count }));
}
