// Live messages of the signed-in person: progress of syncs, changed grades, and reloads.
import { batch, effect, signal } from "@preact/signals";
import type { LiveState } from "../../http/typescript/client.ts";
import { api, dataVersion } from "./api.ts";
import { formatScore } from "./format.ts";
import { href } from "./router.ts";
import { signOutErased } from "./session/erased.ts";
import { session } from "./session/session.ts";
import { showToast } from "./toasts.ts";
import type { GradeChange, LiveMessage, Sync } from "./types.ts";

export const liveState = signal<LiveState>("connecting");
/** The newest state of the run of each connection, by the id of the connection. */
export const liveSyncs = signal<Readonly<Record<string, Sync>>>({});

/** Follow the messages of each session from its sign-in to its end. */
export function followSessions(): void {
  let stop = new AbortController();
  let userId: string | undefined;
  effect(() => {
    const current = session.value?.userId;
    if (current === userId) return;
    userId = current;
    stop.abort();
    stop = new AbortController();
    liveSyncs.value = {};
    if (current) void followUntilEnd(stop.signal);
  });
}

/** Follow the messages of a session; a stream that ends by itself is one of an erased person. */
async function followUntilEnd(signal: AbortSignal): Promise<void> {
  let wasOpen = false;
  const onState = (state: LiveState): void => {
    liveState.value = state;
    wasOpen ||= state === "open";
  };
  await api.follow(applyMessage, { signal, onState });
  // Who signs in after the erasure is shown nothing of it, and can still be an auditor or an admin.
  if (wasOpen && !signal.aborted) await signOutErased(api);
}

function applyMessage(message: LiveMessage): void {
  batch(() => {
    if (message.type === "snapshot") {
      lastReload = Date.now();
      const running = message.items.flatMap((item) => (item.sync ? [item.sync] : []));
      liveSyncs.value = Object.fromEntries(running.map((sync) => [sync.connection_id, sync]));
      reloadData();
    } else if (message.type === "sync") {
      const { sync } = message;
      const before = liveSyncs.value[sync.connection_id];
      liveSyncs.value = { ...liveSyncs.value, [sync.connection_id]: sync };
      if (hasNews(sync, before)) reloadData();
      if (message.sync.error?.code === "canvas-token-rejected") {
        void reloadAfterRejection(message.sync.connection_id);
      }
    } else {
      showGrade(message.change);
      reloadData();
    }
  });
}

const REJECTION_TRIES = 20;

/** That a token is rejected is recorded just after the end of its run, without a live message. */
async function reloadAfterRejection(connectionId: string): Promise<void> {
  const params = { path: { connection_id: connectionId } };
  for (let tries = 0; tries < REJECTION_TRIES; tries++) {
    const { data } = await api.GET("/api/v1/canvas/connections/{connection_id}", { params });
    if (data?.status !== "active") break;
    await new Promise((resolve) => setTimeout(resolve, RELOAD_PAUSE_MS));
  }
  reloadData();
}

/** Whether data may have changed: the sync has found more than `before`, or has ended. */
function hasNews(sync: Sync, before: Sync | undefined): boolean {
  if (sync.status !== "queued" && sync.status !== "running") return true;
  return foundBy(sync) !== (before?.id === sync.id ? foundBy(before) : 0);
}

const foundBy = ({ changes }: Sync): number => changes.courses + changes.assignments + changes.grades;

const RELOAD_PAUSE_MS = 250;
let lastReload = 0;
let reloadTimer: ReturnType<typeof setTimeout> | undefined;

/** Load again what is shown: at once, but at most four times a second. */
function reloadData(): void {
  if (reloadTimer !== undefined) return;
  const wait = Math.max(0, lastReload + RELOAD_PAUSE_MS - Date.now());
  reloadTimer = setTimeout(() => {
    reloadTimer = undefined;
    lastReload = Date.now();
    dataVersion.value += 1;
  }, wait);
}

function showGrade(change: GradeChange): void {
  const before = change.previous ? formatScore(change.previous.score) : undefined;
  const after = formatScore(change.current?.score);
  showToast({
    kind: "good",
    title:
      change.subject === "course"
        ? `Total of ${change.course_name ?? "a course"}`
        : (change.assignment_name ?? "A grade has changed"),
    text: before === undefined ? `New: ${after}` : `${before} → ${after}`,
    href: href(["student", "courses", change.course_id], { change: change.id }),
  });
}
