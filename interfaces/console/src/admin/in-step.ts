// Which read models are in step with the log: they apply events, and none of them waits for long.
import type { AdminStatus, Projection } from "./shapes.ts";

/** Whether a read model has applied every event; one that is paused or fails is not in step. */
export const isInStep = ({ state, lag_events }: Projection): boolean => state === "live" && lag_events === 0;

/** Return how many read models are in step; those that are paused can be behind too, and count once. */
export function inStepOf({ read_models: { total, failing, paused }, findings }: AdminStatus): number {
  const late = findings.find(({ kind }) => kind === "read-model-behind")?.count ?? 0;
  return total - failing - paused - late;
}
