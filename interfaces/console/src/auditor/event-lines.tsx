// The lines of the stream browser: events, and folded events that can be opened.
import { useState } from "preact/hooks";
import { Badge, Time } from "../components/text.tsx";
import { formatCount } from "../format.ts";
import type { AuditedEvent, EventContext } from "./audit-types.ts";
import { EventDetail } from "./event-detail.tsx";
import { countFirstReading, foldEvents, isFold, type Fold } from "./event-folding.ts";
import { eventText } from "./event-types.ts";
import { localSentence } from "./sentences.ts";
import { SealBadge } from "./seal-status.tsx";

export function EventLines({ events, ...context }: EventContext & { events: readonly AuditedEvent[] }) {
  return (
    <ol class="events" aria-label="Events">
      {foldEvents(events).map((line) => (
        <li key={isFold(line) ? `fold ${line.events[0]?.event_id}` : line.event_id}>
          {isFold(line) ? <FoldLine fold={line} {...context} /> : <EventItem event={line} {...context} />}
        </li>
      ))}
    </ol>
  );
}

function FoldLine({ fold, ...context }: EventContext & { fold: Fold }) {
  const [isOpen, setOpen] = useState(false);
  const first = fold.events[0];
  return (
    <details class="event-fold" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Time value={first?.recorded_at} mode="seconds" />
        <span>{foldText(fold)}</span>
        <Badge>{formatCount(fold.events.length, "event")}</Badge>
      </summary>
      {isOpen && (
        <ol class="events">
          {fold.events.map((event) => (
            <li key={event.event_id}>
              <EventItem event={event} {...context} />
            </li>
          ))}
        </ol>
      )}
    </details>
  );
}

function foldText({ kind, events }: Fold): string {
  if (kind === "readings") {
    const readers = new Set(events.map(({ actor }) => actor)).size;
    return `Readings of this history: ${formatCount(events.length, "reading")} by ${formatCount(readers, "reader")}`;
  }
  const { courses, assignments, grades, totals } = countFirstReading(events);
  const parts = [
    ...(courses ? [formatCount(courses, "course")] : []),
    ...(assignments ? [formatCount(assignments, "assignment")] : []),
    formatCount(grades, "grade"),
    ...(totals ? [formatCount(totals, "course total")] : []),
  ];
  return `First reading: ${new Intl.ListFormat("en").format(parts)}`;
}

function EventItem({ event, ...context }: EventContext & { event: AuditedEvent }) {
  const [isOpen, setOpen] = useState(false);
  const [text, kind] = eventText(event.type);
  return (
    <details class="event" onToggle={(toggle) => setOpen(toggle.currentTarget.open)}>
      <summary>
        <Time value={event.recorded_at} mode="seconds" />
        <span>{localSentence(event.sentence)}</span>
        <span class="event-badges">
          <Badge kind={kind}>{text}</Badge> <SealBadge event={event} />
        </span>
      </summary>
      {isOpen && <EventDetail event={event} {...context} />}
    </details>
  );
}
