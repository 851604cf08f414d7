// The requests that sign in: development tokens of the server, or Supabase.
import { limitedSignal } from "../problems.ts";
import type { Role } from "../types.ts";
import { sessionOf, type Session } from "./session.ts";

/** Get a development token of a role from the server. */
export async function signInForDevelopment(role: Role): Promise<Session> {
  const response = await fetch("/console/tokens", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ role }),
    signal: limitedSignal(),
  });
  const document = (await response.json()) as { token?: string; detail?: string };
  if (!document.token) throw new Error(document.detail ?? "The server gave no token.");
  return sessionOf(document.token, () => signInForDevelopment(role));
}

interface SupabaseAnswer {
  access_token?: string;
  refresh_token?: string;
  error_description?: string;
  msg?: string;
}

/** Sign in at Supabase with an e-mail address and a password. */
export function signInWithSupabase(
  url: string,
  anonKey: string,
  email: string,
  password: string,
): Promise<Session> {
  return supabaseSession(url, anonKey, "password", { email, password });
}

async function supabaseSession(
  url: string,
  anonKey: string,
  grant: "password" | "refresh_token",
  body: Record<string, string>,
): Promise<Session> {
  const response = await fetch(`${url}/auth/v1/token?grant_type=${grant}`, {
    method: "POST",
    headers: { apikey: anonKey, "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal: limitedSignal(),
  });
  const answer = (await response.json()) as SupabaseAnswer;
  if (!answer.access_token) {
    throw new Error(answer.error_description ?? answer.msg ?? "Supabase gave no token.");
  }
  const refresh = answer.refresh_token;
  return sessionOf(
    answer.access_token,
    refresh
      ? () => supabaseSession(url, anonKey, "refresh_token", { refresh_token: refresh })
      : undefined,
  );
}
