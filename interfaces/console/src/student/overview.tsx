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
import { staleAccountOf, type StaleAccount } from "./stale-accounts.ts";
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
  const stale = accounts.flatMap(
    (connection) => staleAccountOf(connection, newestSync(connection.id, syncs.data)) ?? [],
  );
  const loaded = [stats, connections, syncs];
  const isKnown = loaded.every(({ data }) => data !== undefined);
  const isCurrent = stale.length === 0 && loaded.every(({ problem }) => !problem);
  if (connections.data && !accounts.length) return <Welcome />;
  return (
    <Page
      title="Overview"
      lead={isKnown && <LastSync time={stats.data?.last_synced_at ?? null} isCurrent={isCurrent} />}
      actions={accounts.length > 0 && <SyncAll accounts={accounts} />}
    >
      <StaleAccounts stale={stale} />
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

function LastSync({ time, isCurrent }: { time: string | null; isCurrent: boolean }) {
  if (!time) return <>The first sync is not complete yet.</>;
  return (
    <>
      {isCurrent ? "Up to date with Canvas as of" : "The last complete sync ended"}{" "}
      <Time value={time} mode="relative" />.
    </>
  );
}

/** Why the data of some accounts are not up to date, and where a new token is entered. */
function StaleAccounts({ stale }: { stale: readonly StaleAccount[] }) {
  return (
    <>
      {stale.map(({ kind, text, isTokenRejected }) => (
        <p key={text} class={`notice notice-${kind}`} role="status">
          {text}{" "}
          <a href={href(["student", "connections"])}>
            {isTokenRejected ? "Enter a new token" : "Open Canvas accounts"}
          </a>
        </p>
      ))}
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
        href={href(["student", "assignments"], { due: "7-days" })}
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
