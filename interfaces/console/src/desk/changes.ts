// What follows a change on the desk: the lists load again, and the student's accounts are synced.
import { effect, signal } from "@preact/signals";
import { api, ProblemError, unwrap } from "../api.ts";
import { liveSyncs } from "../live.ts";
import type { Connection } from "../types.ts";
import { changeControl } from "./control-api.ts";

/** Grows with each change of the sandbox. */
export const controlVersion = signal(0);
/** Whether a sync is started after each change. */
export const syncsAfterChange = signal(true);
/** Why no sync was started after the last change; undefined if one was. */
export const noSyncReason = signal<string | undefined>(undefined);

/** Change the sandbox, and make the change visible to the student. */
export async function change<T = null>(operation: string, body: Record<string, unknown> = {}): Promise<T> {
  const result = await changeControl<T>(operation, body);
  controlVersion.value += 1;
  if (syncsAfterChange.value) await syncAll();
  return result;
}

const NO_ACCOUNT =
  "The student's screen does not change: the student has no Canvas account whose token is accepted.";

/** Start a sync of each account of the student whose token is accepted. */
async function syncAll(): Promise<void> {
  const { items } = await unwrap(api.GET("/api/v1/canvas/connections", {}));
  const active = items.filter(({ status }) => status === "active");
  noSyncReason.value = active.length ? undefined : NO_ACCOUNT;
  await Promise.all(active.map(startSync));
}

async function startSync({ id }: Connection): Promise<void> {
  try {
    await requestSync(id);
  } catch (error) {
    if (!isAboutRunningSync(error)) throw error;
    // The sync under way may have read the course already, before this change.
    void untilIdle(id).then(() => requestSync(id)).catch(() => undefined);
  }
}

function requestSync(connectionId: string): Promise<unknown> {
  return unwrap(
    api.POST("/api/v1/canvas/connections/{connection_id}/sync", {
      params: { path: { connection_id: connectionId } },
      body: { mode: "auto" },
    }),
  );
}

function isAboutRunningSync(error: unknown): boolean {
  return error instanceof ProblemError && error.problem.type.endsWith("/sync-already-running");
}

/** Wait for the live message that the present run of a connection has ended. */
function untilIdle(connectionId: string): Promise<void> {
  return new Promise((resolve) => {
    const stop = effect(() => {
      const sync = liveSyncs.value[connectionId];
      if (sync && !sync.finished_at) return;
      queueMicrotask(() => stop());
      resolve();
    });
  });
}
