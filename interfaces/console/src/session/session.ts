// Who is signed in. The bearer token is held in memory only: a reload signs out.
import { signal } from "@preact/signals";
import type { Role } from "../types.ts";

export interface Session {
  readonly token: string;
  readonly userId: string;
  readonly roles: readonly Role[];
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
  /** Gets a new token before this one expires; absent for a token that was pasted. */
  readonly renew?: () => Promise<Session>;
}

export const session = signal<Session | undefined>(undefined);
/** Why the last session ended, for the page on which one signs in again. */
export const signedOutBecause = signal<string | undefined>(undefined);

const RENEW_BEFORE_MS = 60_000;

let renewal: Promise<Session> | undefined;

/** Return a token that is valid for a minute at least, if one can be had; `isRefused`: a new one. */
export async function currentToken(isRefused = false): Promise<string> {
  const current = session.value;
  if (!current) throw new Error("You are not signed in.");
  const isFresh = !isRefused && current.expiresAt - Date.now() > RENEW_BEFORE_MS;
  if (isFresh || !current.renew) return current.token;
  renewal ??= current.renew().finally(() => {
    renewal = undefined;
  });
  try {
    session.value = await renewal;
    return session.value.token;
  } catch {
    return current.token;
  }
}

/** End the session; `reason` is shown where one signs in. */
export function signOut(reason?: string): void {
  session.value = undefined;
  signedOutBecause.value = reason;
}

/** Return the session of a token (JWT). Raises an Error that says what is wrong with it. */
export function sessionOf(token: string, renew?: () => Promise<Session>): Session {
  const text = token.trim().replace(/^bearer\s+/i, "");
  const claims = claimsOf(text);
  const metadata = (claims["app_metadata"] ?? {}) as { roles?: unknown; role?: unknown };
  const named = Array.isArray(metadata.roles) ? metadata.roles : [metadata.role ?? "student"];
  const roles = named.filter((role): role is Role => ["student", "auditor", "admin"].includes(role));
  return {
    token: text,
    userId: String(claims["sub"] ?? ""),
    roles: roles.length ? roles : ["student"],
    expiresAt: Number(claims["exp"] ?? 0) * 1000,
    ...(renew ? { renew } : {}),
  };
}

function claimsOf(token: string): Record<string, unknown> {
  try {
    const part = token.split(".")[1] ?? "";
    const bytes = Uint8Array.from(atob(part.replace(/-/g, "+").replace(/_/g, "/")), (character) =>
      character.charCodeAt(0),
    );
    return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
  } catch {
    throw new Error("This is not a token (JWT): it has three parts, separated by dots.");
  }
}
