// One read model: its facts, the progress of its rebuild, and its actions.
import { useState } from "preact/hooks";
import { Card } from "../components/page.tsx";
import { Badge, Time } from "../components/text.tsx";
import { formatNumber, formatSeconds } from "../format.ts";
import type { Projection } from "./shapes.ts";
import { ReadModelActions } from "./read-model-actions.tsx";
import { lagText, StateBadge } from "./read-model-state.tsx";

interface Props {
  projection: Projection;
  onChange: () => void;
}

export function ReadModelCard({ projection, onChange }: Props) {
  const { name, error, rebuild } = projection;
  const [isOpen, setOpen] = useState(false);
  return (
    <Card title={name} actions={<StateBadge projection={projection} />}>
      <p>
        <strong>{lagText(projection)}</strong>
      </p>
      {error && <p class="notice notice-bad">{error}</p>}
      {rebuild && <RebuildProgress name={name} rebuild={rebuild} />}
      <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>Details of {name}</summary>
        <Facts projection={projection} />
      </details>
      <ReadModelActions projection={projection} onChange={onChange} />
    </Card>
  );
}

function RebuildProgress({
  name,
  rebuild: { state, done, total, eta_seconds },
}: {
  name: string;
  rebuild: NonNullable<Projection["rebuild"]>;
}) {
  const percent = total ? Math.floor((100 * done) / total) : 100;
  return (
    <div class="stack">
      <progress class="bar" max={total || 1} value={done} aria-label={`Rebuild of ${name}`} />
      <span class="fine">
        Rebuild: {percent} %, {formatNumber(done)} of {formatNumber(total)} events
        {eta_seconds !== null && `, about ${formatSeconds(eta_seconds)} left`}
        {state === "interrupted" && <Badge kind="bad">Interrupted</Badge>}
      </span>
    </div>
  );
}

function Facts({ projection }: { projection: Projection }) {
  const { version, owner, position, head, events_per_second, verified } = projection;
  return (
    <dl class="facts">
      <dt>Version</dt>
      <dd>{version}</dd>
      <dt>Position</dt>
      <dd>
        {formatNumber(position)} of {formatNumber(head)}
      </dd>
      <dt>Rate</dt>
      <dd>{events_per_second === null ? "–" : `${formatNumber(events_per_second)} events a second`}</dd>
      <dt>Owner</dt>
      <dd>{owner ? <code>{owner}</code> : "No process"}</dd>
      <dt>Verified</dt>
      <dd>{verified ? <Verified verified={verified} /> : "Not yet"}</dd>
    </dl>
  );
}

function Verified({ verified }: { verified: NonNullable<Projection["verified"]> }) {
  const isOk = verified.result === "ok";
  return (
    <>
      <Badge kind={isOk ? "good" : "bad"}>{isOk ? "Same as the log" : "Differs from the log"}</Badge>{" "}
      <Time value={verified.at} mode="relative" /> at position {formatNumber(verified.position)}
    </>
  );
}
