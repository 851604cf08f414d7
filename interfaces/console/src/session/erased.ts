// Ends the session of a person whose data was erased, so that this page shows none of it any more.
import type { Easeboard } from "../../../http/typescript/client.ts";
import { formatDateTime } from "../format.ts";
import { session, signOut } from "./session.ts";

/** How long the sign-out waits for the time of the erasure. */
const WAIT_MS = 3000;

/** Sign out, and state when the data was erased; nothing if the person has signed out meanwhile. */
export async function signOutErased(api: Easeboard): Promise<void> {
  const userId = session.value?.userId;
  const time = await erasedAt(api).catch(() => undefined);
  if (userId === undefined || session.value?.userId !== userId) return;
  signOut(time ? `Your data was erased on ${formatDateTime(time)}.` : "Your data was erased.");
}

/** Return when the data was erased, from what is left of the person. */
async function erasedAt(api: Easeboard): Promise<string | null> {
  const { data } = await api.GET("/api/v1/me/export", { signal: AbortSignal.timeout(WAIT_MS) });
  return typeof data === "object" ? data.account.erased_at : null;
}
