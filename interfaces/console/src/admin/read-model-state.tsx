// The state of a read model and its lag in words.
import { Badge, type BadgeKind } from "../components/text.tsx";
import { formatCount, formatSeconds } from "../format.ts";
import { isInStep } from "./in-step.ts";
import type { Projection } from "./shapes.ts";

const STATES: Readonly<Record<string, readonly [BadgeKind, string]>> = {
  live: ["good", "Live"],
  failing: ["bad", "Failing"],
  paused: ["warn", "Paused"],
};

export function StateBadge({ projection: { state } }: { projection: Projection }) {
  const [kind, label] = STATES[state] ?? ["plain", state];
  return <Badge kind={kind}>{label}</Badge>;
}

/** How far a read model is behind, for example "in step" or "12 events, 4 s". */
export function lagText(projection: Projection): string {
  const { lag_events, lag_seconds } = projection;
  if (lag_events === 0) return isInStep(projection) ? "in step" : "no event waits";
  return `${formatCount(lag_events, "event")}, ${formatSeconds(lag_seconds)}`;
}
