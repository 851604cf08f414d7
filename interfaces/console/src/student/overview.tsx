// The first screen of a student: what is due next, what has changed, and whether all is up to date.
import { api, unwrap, useLoaded } from "../api.ts";
import { ActionButton } from "../components/form.tsx";
import { Shown } from "../components/notices.tsx";
import { Card, Figure, Page } from "../components/page.tsx";
import { Badge, Time } from "../components/text.tsx";
import { formatPercent } from "../format.ts";
import { href } from "../router.ts";
import type { Connection, ConnectionSync, Stats } from "../types.ts";
import { ActivityChart } from "./activity-chart.tsx";
import { isUnderWay, newestSync, requestSync, stateOf } from "./canvas-account.ts";
import { ConnectForm } from "./connect-form.tsx";
import { CourseGlance } from "./course-glance.tsx";
import { DueNext } from "./due-next.tsx";
import { GradeChangeList } from "./grade-change-list.tsx";
import { useConnections, useSyncStatus } from "./student-data.ts";
import { SyncProgress } from "./sync-progress.tsx";

const NEWEST = { query: { sort: "-changed_at", baseline: false, limit: 6 } } as const;

export function Overview() {
  const connections = useConnections();
  const syncs = useSyncStatus();
  const stats = useLoaded((signal) => unwrap(api.GET("/api/v1/dashboard/stats", { signal })), [], {
    isLive: true,
    everySeconds: 60,
  });
  const changes = useLoaded(
    (signal) => unwrap(api.GET("/api/v1/canvas/grades/history", { params: NEWEST, signal })),
    [],
    { isLive: true },
  );
  const accounts = connections.data ?? [];
  if (connections.data && !accounts.length) return <Welcome />;
  return (
    <Page
      title="Overview"
      lead={stats.data && <LastSync time={stats.data.last_synced_at} />}
      actions={accounts.length > 0 && <SyncAll accounts={accounts} />}
    >
      <RunningSyncs accounts={accounts} syncs={syncs.data} />
      <Shown loaded={stats}>
        {(data) => (
          <>
            <Figures stats={data} />
            <div class="grid grid-two">
              <Card title="Due next">
                <DueNext stats={data} />
              </Card>
              <Card
                title="Newest grade changes"
                actions={<a href={href(["student", "grades"])}>All changes</a>}
              >
                <Shown loaded={changes}>{({ items }) => <GradeChangeList changes={items} />}</Shown>
              </Card>
              <Card title="Courses" actions={<a href={href(["student", "courses"])}>All courses</a>}>
                <CourseGlance courses={data.courses_at_a_glance} />
              </Card>
              <div class="student-stack">
                <Card title="Activity in the last 28 days">
                  <ActivityChart days={data.activity} />
                </Card>
                <Card
                  title="Canvas accounts"
                  actions={<a href={href(["student", "connections"])}>Manage</a>}
                >
                  <Accounts accounts={accounts} syncs={syncs.data} />
                </Card>
              </div>
            </div>
          </>
        )}
      </Shown>
    </Page>
  );
}

function Welcome() {
  return (
    <Page
      title="Overview"
      lead="No Canvas account is connected yet. Connect one to see your courses, due dates and grades."
    >
      <div class="student-narrow">
        <Card title="Connect a Canvas account">
          <ConnectForm />
        </Card>
      </div>
    </Page>
  );
}

function LastSync({ time }: { time: string | null }) {
  if (!time) return <>The first sync is not complete yet.</>;
  return (
    <>
      Up to date with Canvas as of <Time value={time} mode="relative" />.
    </>
  );
}

function SyncAll({ accounts }: { accounts: readonly Connection[] }) {
  const active = accounts.filter(({ status }) => status === "active");
  if (!active.length) return null;
  return (
    <ActionButton
      kind="main"
      busyText="Requesting…"
      act={async () => {
        await Promise.all(active.map(({ id }) => requestSync(id)));
      }}
    >
      Sync now
    </ActionButton>
  );
}

interface AccountsProps {
  accounts: readonly Connection[];
  syncs: readonly ConnectionSync[] | undefined;
}

function RunningSyncs({ accounts, syncs }: AccountsProps) {
  const running = accounts.flatMap((connection) => {
    const sync = newestSync(connection.id, syncs);
    return sync && isUnderWay(sync) ? [{ connection, sync }] : [];
  });
  if (!running.length) return null;
  return (
    <Card>
      {running.map(({ connection, sync }) => (
        <SyncProgress key={connection.id} connection={connection} sync={sync} />
      ))}
    </Card>
  );
}

function Figures({ stats }: { stats: Stats }) {
  const { assignments, grades, completion_rate } = stats;
  const filtered = (status: string) => href(["student", "assignments"], { status });
  return (
    <div class="figures">
      <Figure
        label="Due in the next 7 days"
        value={assignments.due_this_week}
        href={href(["student", "assignments"])}
      />
      <Figure
        label="Overdue"
        value={assignments.overdue}
        kind={assignments.overdue ? "bad" : "plain"}
        href={filtered("overdue")}
      />
      <Figure
        label="Missing"
        value={assignments.missing}
        kind={assignments.missing ? "bad" : "plain"}
        href={filtered("missing")}
      />
      <Figure
        label="Average score"
        value={formatPercent(grades.average_score)}
        href={href(["student", "courses"])}
      />
      <Figure
        label="Work done"
        value={completion_rate === null ? "–" : formatPercent(completion_rate * 100)}
        href={filtered("submitted,graded,excused")}
      />
    </div>
  );
}

function Accounts({ accounts, syncs }: AccountsProps) {
  return (
    <ul class="list">
      {accounts.map((connection) => {
        const state = stateOf(connection, newestSync(connection.id, syncs));
        return (
          <li key={connection.id}>
            <div>
              <strong>{connection.canvas_name}</strong>
              <p class="fine">
                Last sync <Time value={connection.last_synced_at} mode="relative" none="none yet" />
              </p>
              {state.reason && <p>{state.reason}</p>}
            </div>
            <Badge kind={state.kind}>{state.text}</Badge>
          </li>
        );
      })}
    </ul>
  );
}
