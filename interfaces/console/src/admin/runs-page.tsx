// The runs that are queued or under way, with their age and progress; stuck ones are marked.
import { api } from "../api.ts";
import { DataTable, type Column } from "../components/data-table.tsx";
import { Choice } from "../components/form.tsx";
import { Empty, Shown } from "../components/notices.tsx";
import { Page } from "../components/page.tsx";
import { Badge } from "../components/text.tsx";
import { href, route, setParameters } from "../router.ts";
import { Age } from "./age.tsx";
import { usePaged } from "./paging.ts";
import type { ActiveRun, RunStatus } from "./shapes.ts";

const STATUSES = [
  ["", "All"],
  ["running", "Under way"],
  ["queued", "Queued"],
] as const;

export function RunsPage() {
  const status = route.value.query.get("status") ?? "";
  const { loaded, showMore } = usePaged<ActiveRun>(
    (page, signal) =>
      api.GET("/api/v1/admin/runs", {
        params: { query: { ...page, ...(status && { status: status as RunStatus }) } },
        signal,
      }),
    [status],
    { everySeconds: 2 },
  );
  return (
    <Page title="Runs" lead="Synchronisations that are under way or wait for a worker. Longest first.">
      <form class="filters filters-narrow" onSubmit={(event) => event.preventDefault()}>
        <Choice
          label="Status"
          value={status}
          options={STATUSES}
          onChange={(value) => setParameters({ status: value })}
        />
      </form>
      <Shown loaded={loaded}>
        {({ items, hasMore }) => (
          <>
            {items.length > 0 ? (
              <DataTable
                caption="Runs, longest first"
                columns={COLUMNS}
                rows={items}
                keyOf={({ id }) => id}
                classOf={({ stuck }) => (stuck ? "row-bad" : undefined)}
              />
            ) : (
              <NoRuns status={status} />
            )}
            {hasMore && (
              <button type="button" onClick={showMore}>
                Show more
              </button>
            )}
          </>
        )}
      </Shown>
    </Page>
  );
}

function NoRuns({ status }: { status: string }) {
  const what = { running: "No run is under way.", queued: "No run is queued." }[status];
  return (
    <Empty>
      {what ?? "No run is queued or under way."} What comes next is in{" "}
      <a href={href(["admin", "schedule"])}>Next 24 hours</a>.
    </Empty>
  );
}

const TRIGGERS: Record<ActiveRun["trigger"], string> = {
  setup: "first sync",
  manual: "requested by the person",
  schedule: "scheduled",
};

const COLUMNS: readonly Column<ActiveRun>[] = [
  { title: "Run", cell: (row) => <Identity run={row} /> },
  { title: "Status", cell: (row) => <Status run={row} /> },
  { title: "Age", cell: ({ requested_at }) => <Age since={requested_at} /> },
  { title: "Progress", cell: (row) => <Progress run={row} /> },
  { title: "Worker", cell: (row) => <Worker run={row} /> },
];

function Identity({ run: { id, host, trigger, mode, user_id } }: { run: ActiveRun }) {
  return (
    <div class="stack">
      <a href={href(["admin", "connections"], { host })}>{host}</a>
      <span class="fine">
        {TRIGGERS[trigger]}, {mode === "full" ? "everything" : "changes only"}
      </span>
      <span class="ids">
        person <code>{user_id}</code>
      </span>
      <span class="ids">
        run <code>{id}</code>
      </span>
    </div>
  );
}

function Status({ run: { status, stuck } }: { run: ActiveRun }) {
  return (
    <div class="stack">
      <span>
        <Badge kind={status === "running" ? "info" : "plain"}>
          {status === "running" ? "Under way" : "Queued"}
        </Badge>{" "}
        {stuck && <Badge kind="bad">Stuck</Badge>}
      </span>
      {stuck && <span class="fine">{stuck}</span>}
    </div>
  );
}

function Progress({ run: { status, courses, id } }: { run: ActiveRun }) {
  if (status === "queued") return <span>Not started</span>;
  if (courses.total === 0) return <span>Courses are not listed yet</span>;
  return (
    <div class="stack">
      <progress
        class="bar"
        max={courses.total}
        value={courses.done + courses.failed}
        aria-label={`Progress of run ${id}`}
      />
      <span class="fine">
        {courses.done} of {courses.total} courses
        {courses.failed > 0 && `, ${courses.failed} failed`}
      </span>
    </div>
  );
}

function Worker({ run: { status, worker_heartbeat_at } }: { run: ActiveRun }) {
  if (status === "queued") return <span>None yet</span>;
  if (!worker_heartbeat_at) return <span>No heartbeat</span>;
  return (
    <span>
      Heartbeat <Age since={worker_heartbeat_at} /> ago
    </span>
  );
}
