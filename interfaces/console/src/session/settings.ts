// What the server says about signing in and about the demo (`GET /console/settings`).
import { signal } from "@preact/signals";
import { foreignProblemOf, limitedSignal } from "../problems.ts";
import type { Role } from "../types.ts";

export type SignIn =
  | { kind: "supabase"; url: string; anon_key: string }
  | { kind: "development"; roles: Role[] }
  | { kind: "token" };

export interface ConsoleSettings {
  sign_in: SignIn;
  demo: { control_url: string } | null;
  version: string;
}

export const settings = signal<ConsoleSettings | undefined>(undefined);
export const settingsError = signal<string | undefined>(undefined);

/** Load the settings; on a failure `settingsError` has a sentence for the reader. */
export async function loadSettings(): Promise<void> {
  try {
    const response = await fetch("/console/settings", { signal: limitedSignal() });
    if (!response.ok) throw new Error(`The server answered with status ${response.status}.`);
    settings.value = (await response.json()) as ConsoleSettings;
    settingsError.value = undefined;
  } catch (error) {
    settingsError.value = foreignProblemOf(error, false).detail;
  }
}
