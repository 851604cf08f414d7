// The links between the screens of one connection, and whose connection it is.
import { signal } from "@preact/signals";
import { href, route } from "../router.ts";
import type { AuditedConnection, ViewThen } from "./audit-types.ts";
import { onOtherSession } from "./other-session.ts";

type Connected = AuditedConnection | NonNullable<ViewThen["connection"]>;

/** What is known of connections from what was shown before: the name of the student and the host. */
const known = signal<Readonly<Record<string, string>>>({});
onOtherSession(() => {
  known.value = {};
});

/** Remember whose connections these are, for the screens that get only an id. */
export function rememberConnections(
  connections: readonly Pick<Connected, "id" | "canvas_url" | "canvas_user">[],
): void {
  const added = connections
    .filter(({ canvas_url }) => canvas_url)
    .map((each) => [each.id, `${each.canvas_user.name || "The student"} at ${hostOf(each.canvas_url)}`]);
  known.value = { ...known.value, ...Object.fromEntries(added) };
}

/** Write whose connection it is, for example "Ada Lovelace at school.instructure.com". */
export const nameOfConnection = (id: string): string => known.value[id] ?? `Connection ${id}`;

/** Return the host of a Canvas address. */
export const hostOf = (url: string): string => url.replace(/^https?:\/\//, "");

export function ConnectionLinks({ id }: { id: string }) {
  const here = route.value.path[1];
  const links = [
    { name: "connection", label: "What the student saw", to: href(["auditor", "connection", id]) },
    { name: "events", label: "Events", to: href(["auditor", "events", id]) },
    { name: "readings", label: "Who read it", to: href(["auditor", "readings"], { connection_id: id }) },
    { name: "proofs", label: "Export", to: href(["auditor", "proofs"], { connection: id }) },
  ];
  return (
    <nav aria-label="Connection" class="connection-links">
      {links.map(({ name, label, to }) => (
        <a href={to} aria-current={name === here ? "page" : undefined}>
          {label}
        </a>
      ))}
    </nav>
  );
}
