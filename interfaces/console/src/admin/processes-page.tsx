// The processes of the service by role: which are alive, and which role has none.
import { api } from "../api.ts";
import { DataTable, type Column } from "../components/data-table.tsx";
import { Shown } from "../components/notices.tsx";
import { Card, Page } from "../components/page.tsx";
import { Badge, Time, type BadgeKind } from "../components/text.tsx";
import { formatCount } from "../format.ts";
import { Age } from "./age.tsx";
import { usePaged } from "./paging.ts";
import type { LiveProcess, RoleProcesses } from "./shapes.ts";

export function ProcessesPage() {
  const { loaded } = usePaged<RoleProcesses>(
    (page, signal) => api.GET("/api/v1/admin/workers", { params: { query: page }, signal }),
    [],
    { everySeconds: 3 },
  );
  return (
    <Page title="Processes" lead="Who does the work: the processes of each role, and their last heartbeat.">
      <Shown loaded={loaded}>
        {({ items }) => (
          <>
            {items.map((role) => (
              <RoleCard key={role.role} role={role} />
            ))}
          </>
        )}
      </Shown>
    </Page>
  );
}

const ROLES: Readonly<Record<string, readonly [string, string]>> = {
  api: ["API", "Answers requests and live connections"],
  worker: ["Worker", "Executes runs"],
  projector: ["Projector", "Keeps the read models in step with the log"],
  scheduler: ["Scheduler", "Requests the runs that are due"],
};

const STATES: Record<RoleProcesses["state"], readonly [BadgeKind, string]> = {
  ok: ["good", "Alive"],
  missing: ["bad", "Missing"],
  silent: ["bad", "Silent"],
};

function RoleCard({ role: { role, state, problem, live, processes } }: { role: RoleProcesses }) {
  const [title, task] = ROLES[role] ?? [role, ""];
  const [kind, label] = STATES[state];
  return (
    <Card title={title} actions={<Badge kind={kind}>{label}</Badge>}>
      <p class="fine">
        {task}. {formatCount(live, "process", "processes")} alive.
      </p>
      {problem && <p class="notice notice-bad">{problem}</p>}
      {processes.length > 0 && (
        <DataTable
          caption={`Processes with the role ${role}`}
          columns={columnsOf(role)}
          rows={processes}
          keyOf={({ name }) => name}
          classOf={({ alive }) => (alive ? undefined : "row-bad")}
        />
      )}
    </Card>
  );
}

function columnsOf(role: string): Column<LiveProcess>[] {
  const columns: Column<LiveProcess>[] = [
    { title: "Process", cell: (row) => <Identity process={row} /> },
    { title: "Heartbeat", cell: (row) => <Heartbeat process={row} /> },
    { title: "Since", cell: ({ since }) => <Time value={since} /> },
    { title: "Other roles", cell: ({ roles }) => roles.filter((each) => each !== role).join(", ") || "–" },
  ];
  if (role === "projector") {
    columns.push({ title: "Read models", cell: ({ read_models }) => read_models.join(", ") || "–" });
  }
  return [...columns, { title: "Warnings", cell: (row) => <Warnings process={row} /> }];
}

function Identity({ process: { name, machine, pid } }: { process: LiveProcess }) {
  return (
    <span title={name}>
      {machine}
      {pid !== null && `, process ${pid}`}
    </span>
  );
}

function Heartbeat({ process: { alive, heartbeat_at } }: { process: LiveProcess }) {
  return (
    <span>
      {!alive && <Badge kind="bad">Silent</Badge>} <Age since={heartbeat_at} /> ago
    </span>
  );
}

function Warnings({ process: { warnings } }: { process: LiveProcess }) {
  if (warnings.length === 0) return <span>–</span>;
  return (
    <div class="stack">
      {warnings.map(({ code, detail, noticed_at }) => (
        <span key={`${code} ${noticed_at}`} class="error">
          {detail} (<Time value={noticed_at} mode="relative" />)
        </span>
      ))}
    </div>
  );
}
