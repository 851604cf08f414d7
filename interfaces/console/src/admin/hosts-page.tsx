// The Canvas hosts: whether they answer, since when not, and what waits behind them.
import { api } from "../api.ts";
import { DataTable, type Column } from "../components/data-table.tsx";
import { Empty, Shown } from "../components/notices.tsx";
import { Page } from "../components/page.tsx";
import { Badge, Time, type BadgeKind } from "../components/text.tsx";
import { formatCount, formatNumber } from "../format.ts";
import { href } from "../router.ts";
import { Age } from "./age.tsx";
import { usePaged, type PageRequest } from "./paging.ts";
import { RunbookParagraph } from "./runbook-paragraph.tsx";
import type { CanvasHost } from "./shapes.ts";

export const requestHosts: PageRequest<CanvasHost> = (page, signal) =>
  api.GET("/api/v1/admin/hosts", { params: { query: page }, signal });

export function HostsPage() {
  const { loaded, showMore } = usePaged(requestHosts, [], { everySeconds: 5 });
  return (
    <Page
      title="Canvas hosts"
      lead="Whether each host answers. A host that does not answer is tried again after a pause; each pause is longer."
    >
      <Shown loaded={loaded}>
        {({ items, hasMore }) => (
          <>
            {items.length > 0 ? (
              <DataTable
                caption="Canvas hosts, worst first"
                columns={COLUMNS}
                rows={items}
                keyOf={({ canvas_url }) => canvas_url}
              />
            ) : (
              <Empty>There is no Canvas host yet: no student has connected an account.</Empty>
            )}
            {hasMore && (
              <button type="button" onClick={showMore}>
                Show more
              </button>
            )}
          </>
        )}
      </Shown>
      <RunbookParagraph address="#a-canvas-host-does-not-answer" title="A Canvas host does not answer" />
    </Page>
  );
}

/** The states of a circuit breaker in plain words. */
const CIRCUITS: Record<CanvasHost["circuit"], readonly [BadgeKind, string]> = {
  closed: ["good", "Answers"],
  open: ["bad", "Does not answer"],
  half_open: ["warn", "Being tried"],
};

const COLUMNS: readonly Column<CanvasHost>[] = [
  { title: "Host", cell: ({ host }) => <strong>{host}</strong> },
  { title: "State", cell: (row) => <State host={row} /> },
  { title: "Since", cell: ({ failing_since }) => <Age since={failing_since} /> },
  { title: "Next try", cell: ({ next_try_at }) => <NextTry at={next_try_at} /> },
  { title: "Connections", cell: (row) => <ConnectionsBehind host={row} /> },
  { title: "Reasons", cell: (row) => <Reasons host={row} /> },
  { title: "Runs", cell: (row) => <Runs host={row} /> },
];

const FAILING = ["warn", "Failing"] as const;

function State({ host: { circuit, failures } }: { host: CanvasHost }) {
  const [kind, label] = circuit === "closed" && failures > 0 ? FAILING : CIRCUITS[circuit];
  return (
    <div class="stack">
      <Badge kind={kind}>{label}</Badge>
      {failures > 0 && <span class="fine">{formatCount(failures, "failure")} in a row</span>}
    </div>
  );
}

function NextTry({ at }: { at: string | null }) {
  if (at && new Date(at).getTime() <= Date.now()) return <span>With the next run</span>;
  return <Time value={at} mode="relative" />;
}

function ConnectionsBehind({ host: { host, connections, failing_connections } }: { host: CanvasHost }) {
  return (
    <div class="stack">
      <a href={href(["admin", "connections"], { host })}>{formatNumber(connections)}</a>
      {failing_connections > 0 && (
        <a class="error" href={href(["admin", "connections"], { host, status: "failing" })}>
          {formatNumber(failing_connections)} failing
        </a>
      )}
    </div>
  );
}

function Reasons({ host: { host, codes } }: { host: CanvasHost }) {
  if (codes.length === 0) return <span>–</span>;
  return (
    <div class="stack">
      {codes.map(({ code, connections }) => (
        <a key={code} href={href(["admin", "connections"], { host, code })}>
          {code} ({formatNumber(connections)})
        </a>
      ))}
    </div>
  );
}

function Runs({ host: { queued, running } }: { host: CanvasHost }) {
  if (queued + running === 0) return <span>–</span>;
  return (
    <span>
      {formatNumber(running)} under way, {formatNumber(queued)} queued
    </span>
  );
}
