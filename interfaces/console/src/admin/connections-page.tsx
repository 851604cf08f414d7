// Why connections fail: the reason, how often, since when, and the next try.
import { api, useLoaded } from "../api.ts";
import { DataTable, type Column } from "../components/data-table.tsx";
import { Choice } from "../components/form.tsx";
import { Empty, Shown } from "../components/notices.tsx";
import { Page } from "../components/page.tsx";
import { Badge, Time } from "../components/text.tsx";
import { formatNumber } from "../format.ts";
import { href, navigate, route, setParameters } from "../router.ts";
import { Age } from "./age.tsx";
import { requestHosts } from "./hosts-page.tsx";
import { loadPages, MAX_PAGE_SIZE, usePaged } from "./paging.ts";
import { RunbookParagraph } from "./runbook-paragraph.tsx";
import type { AdminConnection, ConnectionFilters } from "./shapes.ts";
import { TextFilter } from "./text-filter.tsx";

const FILTERS: readonly (keyof ConnectionFilters)[] = ["status", "code", "host", "q"];

export function ConnectionsPage() {
  const { query } = route.value;
  const filters = Object.fromEntries(
    FILTERS.flatMap((name) => (query.get(name) ? [[name, query.get(name)]] : [])),
  ) as ConnectionFilters;
  const { loaded, showMore } = usePaged<AdminConnection>(
    (page, signal) =>
      api.GET("/api/v1/admin/connections", { params: { query: { ...filters, ...page } }, signal }),
    [JSON.stringify(filters)],
    { everySeconds: 10 },
  );
  const isFiltered = Object.keys(filters).length > 0;
  return (
    <Page title="Connections" lead="Why a connection fails, how often, and when it is tried again. Worst first.">
      <Filters isFiltered={isFiltered} />
      <Shown loaded={loaded}>
        {({ items, hasMore }) => (
          <>
            {items.length > 0 ? (
              <DataTable
                caption="Connections, worst first"
                columns={COLUMNS}
                rows={items}
                keyOf={({ id }) => id}
              />
            ) : (
              <Empty>{emptyText(isFiltered, hasMore)}</Empty>
            )}
            {hasMore && (
              <button type="button" onClick={showMore}>
                Show more
              </button>
            )}
          </>
        )}
      </Shown>
      <RunbookParagraph address="#many-runs-fail" title="Many runs fail" />
    </Page>
  );
}

function emptyText(isFiltered: boolean, hasMore: boolean): string {
  if (hasMore) return "No connection matches among those that were searched. “Show more” searches further.";
  if (isFiltered) return "No connection matches. Clear the filters to see all.";
  return "There is no connection yet. A student makes one on the screen “Canvas accounts”.";
}

const STATUSES = [
  ["", "All"],
  ["failing", "Failing"],
  ["token_rejected", "Token rejected"],
  ["partial", "Partly failing"],
  ["active", "Active"],
] as const;

function Filters({ isFiltered }: { isFiltered: boolean }) {
  const { query } = route.value;
  const code = query.get("code") ?? "";
  const codes = useLoaded((signal) => loadCodes(signal), []);
  const known = [...new Set([...(codes.data ?? []), code])].filter(Boolean).sort();
  return (
    <form class="filters" role="search" onSubmit={(event) => event.preventDefault()}>
      <Choice
        label="Status"
        value={query.get("status") ?? ""}
        options={STATUSES}
        onChange={(status) => setParameters({ status })}
      />
      <Choice
        label="Reason"
        value={code}
        options={[["", "Any"], ...known.map((each) => [each, each] as const)]}
        onChange={(value) => setParameters({ code: value })}
      />
      <TextFilter name="host" label="Host" placeholder="school.instructure.com" />
      <TextFilter name="q" label="Search" type="search" placeholder="Id, host or reason" />
      <button type="button" disabled={!isFiltered} onClick={() => navigate(["admin", "connections"])}>
        Clear filters
      </button>
    </form>
  );
}

/** Load the reasons that occur now, from the hosts. */
async function loadCodes(signal: AbortSignal): Promise<string[]> {
  const { items } = await loadPages(requestHosts, 1, signal, MAX_PAGE_SIZE);
  return items.flatMap(({ codes }) => codes.map(({ code }) => code));
}

const COLUMNS: readonly Column<AdminConnection>[] = [
  { title: "Connection", cell: (row) => <Identity connection={row} /> },
  { title: "Status", cell: (row) => <Status connection={row} /> },
  { title: "Reason", cell: (row) => <Reason connection={row} /> },
  { title: "Failures", isNumber: true, cell: ({ failures }) => (failures ? formatNumber(failures) : "–") },
  { title: "Failing for", cell: ({ failing_since }) => <Age since={failing_since} /> },
  { title: "Last success", cell: ({ last_synced_at }) => <Time value={last_synced_at} mode="relative" none="Never" /> },
  { title: "Next try", cell: (row) => <NextTry connection={row} /> },
];

function Identity({ connection: { id, host, user_id } }: { connection: AdminConnection }) {
  return (
    <div class="stack">
      <span>
        <a href={href(["admin", "connections"], { host })}>{host}</a> ·{" "}
        <a href={href(["auditor", "connection", id])}>History</a>
      </span>
      <span class="ids">
        person <code>{user_id}</code>
      </span>
      <span class="ids">
        connection <code>{id}</code>
      </span>
    </div>
  );
}

function Status({ connection }: { connection: AdminConnection }) {
  if (connection.status === "token_rejected") return <Badge kind="bad">Token rejected</Badge>;
  if (connection.partial) return <Badge kind="warn">Partly failing</Badge>;
  if (connection.error) return <Badge kind="bad">Failing</Badge>;
  return <Badge kind="good">Active</Badge>;
}

function Reason({ connection: { error } }: { connection: AdminConnection }) {
  if (!error) return <span>–</span>;
  return (
    <div class="stack">
      <a href={href(["admin", "connections"], { code: error.code })}>{error.code}</a>
      <span class="fine">{error.detail}</span>
    </div>
  );
}

function NextTry({ connection }: { connection: AdminConnection }) {
  if (connection.sync === "running") return <Badge kind="info">Under way</Badge>;
  if (connection.sync === "queued") return <Badge kind="info">Queued</Badge>;
  if (connection.status === "token_rejected") return <span>When the person enters a new token</span>;
  return <Time value={connection.next_sync_at} mode="relative" />;
}
