// How an event came about: the events that led to it, and those that it caused.
import type { AuditedEvent } from "./audit-types.ts";

export interface Causes {
  /** From the oldest known cause to the event itself. */
  readonly path: readonly AuditedEvent[];
  /** What the event caused, oldest first. */
  readonly effects: readonly AuditedEvent[];
  /** Whether the path begins with an event without a cause, which is the request. */
  readonly isComplete: boolean;
}

/** Return the causes and effects of an event among the known events. */
export function causesOf(event: AuditedEvent, known: readonly AuditedEvent[]): Causes {
  const byId = new Map(known.map((each) => [each.event_id, each]));
  const path = [event];
  const seen = new Set([event.event_id]);
  let first = event;
  while (first.causation_id && !seen.has(first.causation_id)) {
    const cause = byId.get(first.causation_id);
    if (!cause) break;
    seen.add(cause.event_id);
    path.unshift(cause);
    first = cause;
  }
  const effects = known
    .filter(({ causation_id }) => causation_id === event.event_id)
    .sort((a, b) => a.position - b.position);
  return { path, effects, isComplete: first.causation_id === null };
}

/** Add events to known ones, each only once. */
export function mergeEvents(known: readonly AuditedEvent[], added: readonly AuditedEvent[]): AuditedEvent[] {
  const byId = new Map(known.map((each) => [each.event_id, each]));
  for (const each of added) byId.set(each.event_id, each);
  return [...byId.values()];
}
