// Leads from the address of a list in the API to the screen that shows it.
import { href } from "../router.ts";

const SCREENS: Readonly<Record<string, string>> = {
  connections: "Open connections",
  hosts: "Open hosts",
  runs: "Open runs",
  workers: "Open processes",
  projections: "Open read models",
  schedule: "Open next 24 hours",
};

export interface Target {
  readonly href: string;
  readonly label: string;
}

/** Return the screen for an address such as "/api/v1/admin/connections?host=…"; undefined: there is none. */
export function targetOf(address: string): Target | undefined {
  const { pathname, searchParams } = new URL(address, location.origin);
  const letters = /^\/api\/v1\/admin\/projections\/([^/]+)\/dead-letters$/u.exec(pathname)?.[1];
  if (letters) {
    return { href: href(["admin", "projections"], { letters }), label: "Open dead letters" };
  }
  const name = /^\/api\/v1\/admin\/(\w+)/u.exec(pathname)?.[1] ?? "";
  const label = SCREENS[name];
  if (!label) return undefined;
  return { href: href(["admin", name], Object.fromEntries(searchParams)), label };
}
