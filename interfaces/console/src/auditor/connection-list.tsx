// All connections of all students, to be searched; each leads into its history.
import { useEffect, useState } from "preact/hooks";
import { api, unwrap, useLoaded } from "../api.ts";
import { DataTable, type Column } from "../components/data-table.tsx";
import { ActionButton, Choice, Field } from "../components/form.tsx";
import { Empty, Shown } from "../components/notices.tsx";
import { Card, Page } from "../components/page.tsx";
import { Badge, Time, type BadgeKind } from "../components/text.tsx";
import { href, route, setParameters } from "../router.ts";
import type { AuditedConnection } from "./audit-types.ts";
import { hostOf, rememberConnections } from "./connection-head.tsx";
import { usePages } from "./pages.ts";

const STATUSES: Readonly<Record<AuditedConnection["status"], readonly [string, BadgeKind]>> = {
  active: ["Active", "good"],
  token_rejected: ["Token rejected", "bad"],
  closed: ["Closed", "plain"],
  erased: ["Erased", "plain"],
};
const STATUS_CHOICES = [
  ["", "All"],
  ["active", "Active"],
  ["token_rejected", "Token rejected"],
  ["closed", "Closed"],
] as const;
type StatusFilter = Exclude<AuditedConnection["status"], "erased">;

const COLUMNS: readonly Column<AuditedConnection>[] = [
  {
    title: "Student",
    cell: ({ id, status, canvas_user }) => (
      <a href={href(["auditor", "connection", id])}>
        {canvas_user.name || (status === "erased" ? "Erased" : "No name")}
        <span class="sr"> (what the student saw)</span>
      </a>
    ),
  },
  {
    title: "Canvas",
    cell: ({ canvas_name, canvas_url }) => (
      <span>
        {hostOf(canvas_url) || "–"}
        {canvas_name && canvas_name !== hostOf(canvas_url) && <span class="fine"> {canvas_name}</span>}
      </span>
    ),
  },
  {
    title: "Status",
    cell: ({ status }) => {
      const [text, kind] = STATUSES[status];
      return <Badge kind={kind}>{text}</Badge>;
    },
  },
  { title: "Last sync", cell: ({ last_synced_at }) => <Time value={last_synced_at} none="never" /> },
  { title: "User id", cell: ({ user_id, status }) => (status === "erased" ? "–" : <code>{user_id}</code>) },
  {
    title: "History",
    cell: ({ id, canvas_user }) => (
      <a href={href(["auditor", "events", id])}>
        Events<span class="sr"> of {canvas_user.name || id}</span>
      </a>
    ),
  },
];

interface ConnectionFilter {
  readonly q: string;
  readonly user_id: string;
  readonly canvas_url: string;
  readonly status: string;
}

export function ConnectionList() {
  const { query } = route.value;
  const filter: ConnectionFilter = {
    q: query.get("q") ?? "",
    user_id: query.get("user_id") ?? "",
    canvas_url: query.get("canvas_url") ?? "",
    status: query.get("status") ?? "",
  };
  const key = JSON.stringify(filter);
  const first = useLoaded((signal) => loadPage(filter, undefined, signal), [key]);
  const { items, hasMore, loadMore } = usePages(first.data, (cursor) => loadPage(filter, cursor));
  useEffect(() => rememberConnections(items), [items]);
  return (
    <Page
      title="Connections"
      lead="The Canvas accounts of all students. Open one to see what the student saw at any moment."
    >
      <Card wide>
        <ConnectionFilters key={key} filter={filter} />
      </Card>
      <Shown loaded={first}>
        {() => (
          <Card wide>
            {items.length === 0 && !hasMore && (
              <Empty>No connection fits. Remove a filter to see more.</Empty>
            )}
            {items.length > 0 && (
              <DataTable caption="Connections" columns={COLUMNS} rows={items} keyOf={({ id }) => id} />
            )}
            {hasMore && <ActionButton act={loadMore}>Show more</ActionButton>}
          </Card>
        )}
      </Shown>
    </Page>
  );
}

function ConnectionFilters({ filter }: { filter: ConnectionFilter }) {
  const [q, setQ] = useState(filter.q);
  const [user, setUser] = useState(filter.user_id);
  const [canvas, setCanvas] = useState(filter.canvas_url);
  const [status, setStatus] = useState(filter.status);
  const submit = (event: Event) => {
    event.preventDefault();
    setParameters({ q: q.trim(), user_id: user.trim(), canvas_url: canvas.trim(), status });
  };
  return (
    <form class="filters" role="search" onSubmit={submit}>
      <Field label="Search" type="search" value={q} onChange={setQ} placeholder="Name, Canvas id or host" />
      <Field label="User id" value={user} onChange={setUser} autocomplete="off" />
      <Field
        label="Canvas address"
        value={canvas}
        onChange={setCanvas}
        placeholder="https://school.instructure.com"
      />
      <Choice label="Status" value={status} options={STATUS_CHOICES} onChange={setStatus} />
      <button type="submit" class="main">
        Search
      </button>
    </form>
  );
}

function loadPage(
  { q, user_id, canvas_url, status }: ConnectionFilter,
  cursor?: string,
  signal?: AbortSignal,
) {
  const query = {
    ...(q && { q }),
    ...(user_id && { user_id }),
    ...(canvas_url && { canvas_url: canvas_url.includes("://") ? canvas_url : `https://${canvas_url}` }),
    ...(status && { status: status as StatusFilter }),
    ...(cursor && { cursor }),
  };
  return unwrap(api.GET("/api/v1/audit/connections", { params: { query }, ...(signal && { signal }) }));
}
