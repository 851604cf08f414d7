// Which Canvas accounts cannot be kept up to date, and of when their data are.
import { formatDateTime } from "../format.ts";
import type { Connection, Sync } from "../types.ts";

export interface StaleAccount {
  readonly kind: "bad" | "warn";
  readonly text: string;
  readonly isTokenRejected: boolean;
}

/** What ends a sync if a Canvas does not answer. */
const NO_ANSWER_CODES: ReadonlySet<string> = new Set(["canvas-unreachable", "canvas-timeout"]);

/** Return why the data of an account are not up to date, given its newest sync; undefined if they are. */
export function staleAccountOf(connection: Connection, sync: Sync | null): StaleAccount | undefined {
  const { canvas_name, status, last_synced_at } = connection;
  const data = last_synced_at
    ? `The data are of ${formatDateTime(last_synced_at)}.`
    : "There are no complete data yet.";
  if (status === "token_rejected") {
    const text = `Canvas no longer accepts your token for ${canvas_name}. ${data}`;
    return { kind: "bad", text, isTokenRejected: true };
  }
  if (!sync || (sync.status !== "failed" && sync.status !== "partial")) return undefined;
  const kind = sync.status === "failed" ? "bad" : "warn";
  return { kind, text: `${failureText(canvas_name, sync)} ${data}`, isTokenRejected: false };
}

function failureText(canvasName: string, { status, error, finished_at }: Sync): string {
  const at = finished_at ? ` at ${formatDateTime(finished_at)}` : "";
  if (error && NO_ANSWER_CODES.has(error.code)) return `${canvasName} did not answer${at}; easeboard tries again.`;
  const what = status === "failed" ? "failed" : "could not read some courses";
  return `The last sync of ${canvasName}${at} ${what}${error ? `: ${error.detail}` : "."}`;
}
