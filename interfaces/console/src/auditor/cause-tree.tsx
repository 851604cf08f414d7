// The request, run and course that led to an event, and what it caused, as a tree.
import { useState } from "preact/hooks";
import { ActionButton } from "../components/form.tsx";
import { Badge, Time } from "../components/text.tsx";
import { formatCount } from "../format.ts";
import type { AuditedEvent, EventContext } from "./audit-types.ts";
import { loadEvents } from "./audit-requests.ts";
import { causesOf, mergeEvents } from "./causes.ts";
import { eventText } from "./event-types.ts";
import { localSentence } from "./sentences.ts";

const SHOWN_EFFECTS = 10;
const MAX_PAGES = 6;

export function CauseTree({ event, connectionId, known, onCauses }: EventContext & { event: AuditedEvent }) {
  const { path, effects, isComplete } = causesOf(event, known);
  const [isMissing, setMissing] = useState(false);
  const load = async () => {
    const found = await loadCauses(connectionId, event, known);
    setMissing(!causesOf(event, mergeEvents(known, found)).isComplete);
    onCauses(found);
  };
  return (
    <>
      {isComplete && (
        <p class="fine">
          {event.correlation_id
            ? `It goes back to the request ${event.correlation_id}.`
            : "No request was recorded."}
        </p>
      )}
      <Branch path={path} effects={effects} event={event} />
      {!isComplete && !isMissing && <ActionButton act={load}>Load its causes</ActionButton>}
      {isMissing && <p class="fine">Its causes are farther back: open the events before this one.</p>}
    </>
  );
}

function Branch({
  path: [first, ...rest],
  effects,
  event,
}: {
  path: readonly AuditedEvent[];
  effects: readonly AuditedEvent[];
  event: AuditedEvent;
}) {
  if (!first) return null;
  return (
    <ul class="tree">
      <li>
        <Node event={first} isShown={first === event} />
        {rest.length > 0 ? (
          <Branch path={rest} effects={effects} event={event} />
        ) : (
          <Effects effects={effects} />
        )}
      </li>
    </ul>
  );
}

function Effects({ effects }: { effects: readonly AuditedEvent[] }) {
  if (!effects.length) return null;
  return (
    <ul class="tree">
      {effects.slice(0, SHOWN_EFFECTS).map((effect) => (
        <li key={effect.event_id}>
          <Node event={effect} />
        </li>
      ))}
      {effects.length > SHOWN_EFFECTS && (
        <li>and {formatCount(effects.length - SHOWN_EFFECTS, "more event")}</li>
      )}
    </ul>
  );
}

function Node({ event, isShown = false }: { event: AuditedEvent; isShown?: boolean }) {
  const [text, kind] = eventText(event.type);
  return (
    <p aria-current={isShown ? "true" : undefined}>
      <Badge kind={kind}>{text}</Badge> {localSentence(event.sentence)}{" "}
      <span class="fine">
        <Time value={event.recorded_at} mode="seconds" />
      </span>
    </p>
  );
}

/** Load events backwards from an event until the chain of its causes is complete. */
async function loadCauses(
  connectionId: string,
  event: AuditedEvent,
  known: readonly AuditedEvent[],
): Promise<AuditedEvent[]> {
  const filter = { until: new Date(new Date(event.recorded_at).getTime() + 1).toISOString() };
  const found: AuditedEvent[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { items, next_cursor } = await loadEvents(connectionId, filter, {
      limit: 500,
      ...(cursor && { cursor }),
    });
    found.push(...items);
    if (next_cursor === null || causesOf(event, mergeEvents(known, found)).isComplete) break;
    cursor = next_cursor;
  }
  return found;
}
