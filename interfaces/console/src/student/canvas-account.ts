// The state of a Canvas account in plain words, and the commands for it.
import { api, problemOf, unwrap, type Problem } from "../api.ts";
import type { BadgeKind } from "../components/text.tsx";
import { liveSyncs } from "../live.ts";
import type { Connection, ConnectionSync, Sync } from "../types.ts";

export interface AccountState {
  readonly text: string;
  readonly kind: BadgeKind;
  /** Why, and what to do; absent while all is well. */
  readonly reason?: string;
}

const REJECTED: AccountState = {
  text: "Token rejected",
  kind: "bad",
  reason:
    "Canvas does not accept the access token any more. " +
    "Create a new one in Canvas under Account > Settings, and paste it below.",
};

export const isUnderWay = (sync: Sync | null | undefined): boolean =>
  sync?.status === "queued" || sync?.status === "running";

/** Return the state of an account, given its newest sync. */
export function stateOf(connection: Connection, sync: Sync | null | undefined): AccountState {
  if (connection.status === "token_rejected") return REJECTED;
  if (isUnderWay(sync)) return { text: "Syncing", kind: "info" };
  const reason = sync?.error?.detail;
  const more = reason ? { reason } : {};
  if (sync?.status === "failed") return { text: "Last sync failed", kind: "bad", ...more };
  if (sync?.status === "partial") return { text: "Some courses failed", kind: "warn", ...more };
  return { text: "Connected", kind: "good" };
}

/** Return the newest known sync of an account: a live message may be newer than the list. */
export function newestSync(id: string, listed: readonly ConnectionSync[] = []): Sync | null {
  return liveSyncs.value[id] ?? listed.find((item) => item.connection_id === id)?.sync ?? null;
}

/** Return the last part of a problem's type, for example "canvas-timeout". */
export const slugOf = (problem: Problem): string => problem.type.split("/").at(-1) ?? "";

/** Request a sync; one that runs already is as good. */
export async function requestSync(connectionId: string): Promise<void> {
  try {
    await unwrap(
      api.POST("/api/v1/canvas/connections/{connection_id}/sync", {
        params: { path: { connection_id: connectionId } },
        body: { mode: "auto" },
      }),
    );
  } catch (error) {
    if (slugOf(problemOf(error)) !== "sync-already-running") throw error;
  }
}

export async function cancelSync(connectionId: string): Promise<void> {
  await unwrap(
    api.DELETE("/api/v1/sync/connections/{connection_id}", {
      params: { path: { connection_id: connectionId } },
    }),
  );
}
