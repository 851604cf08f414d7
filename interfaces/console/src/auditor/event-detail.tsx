// One event in full: its facts, what was recorded, how it came about, and its proof.
import type { ComponentChildren } from "preact";
import { Time } from "../components/text.tsx";
import { href } from "../router.ts";
import type { AuditedEvent, EventContext } from "./audit-types.ts";
import { CauseTree } from "./cause-tree.tsx";
import { EventProof } from "./event-proof.tsx";

const STREAMS = { connection: "of the connection", sync: "of its syncs", readings: "of readings" };

export function EventDetail({ event, ...context }: EventContext & { event: AuditedEvent }) {
  const { connectionId } = context;
  return (
    <div class="event-detail">
      <dl class="event-facts">
        {factsOf(event).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <p>
        <a href={href(["auditor", "connection", connectionId], { as_of: event.recorded_at })}>
          What the student saw then
        </a>
      </p>
      <h3>How it came about</h3>
      <CauseTree event={event} {...context} />
      <h3>What was recorded</h3>
      <pre tabIndex={0}>{JSON.stringify(event.payload, null, 2)}</pre>
      <h3>Proof</h3>
      <EventProof event={event} />
    </div>
  );
}

function factsOf(event: AuditedEvent): [string, ComponentChildren][] {
  const { seal } = event;
  return [
    ["Recorded", <Time value={event.recorded_at} mode="seconds" />],
    ["Exact time", event.recorded_at],
    ["Type", event.type],
    ["Stream", `number ${event.version} ${STREAMS[event.stream]}`],
    ["Who", event.actor],
    ["Request", event.correlation_id ?? "not recorded"],
    ["Event id", event.event_id],
    ["Position in the log", event.position],
    ["Seal", seal ? `entry ${seal.index} of a signed tree of ${seal.tree_size} events` : "not sealed yet"],
  ];
}
