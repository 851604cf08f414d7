// What the student saw at a moment: figures, what was due next, courses and assignments.
import { Empty } from "../components/notices.tsx";
import { Card, Figure } from "../components/page.tsx";
import { Time } from "../components/text.tsx";
import { formatCount, formatNumber, formatPercent } from "../format.ts";
import type { Stats } from "../types.ts";
import type { ViewThen } from "./audit-types.ts";
import { AssignmentsThen } from "./assignments-then.tsx";
import { CoursesThen } from "./courses-then.tsx";

interface StudentViewProps {
  view: ViewThen;
  /** Ids of courses and assignments that differ from the compared moment. */
  changedIds: ReadonlySet<string>;
  onFindChanges: (words: string) => void;
}

export function StudentView({ view, changedIds, onFindChanges }: StudentViewProps) {
  const { redacted, connection, left_out, courses, dashboard } = view;
  if (redacted) return <Empty>The student's data were erased. Only times and kinds of events remain.</Empty>;
  if (!connection) return <Empty>The account was not connected yet at this moment.</Empty>;
  return (
    <>
      {connection.status === "closed" && (
        <p class="notice">The student had disconnected the account: the lists are empty.</p>
      )}
      {connection.status === "token_rejected" && (
        <p class="notice notice-warn">Canvas no longer accepted the access token at this moment.</p>
      )}
      {left_out.length > 0 && (
        <p class="notice notice-warn">
          {`${formatCount(left_out.length, "event")} could not be applied, so this view is not complete: `}
          {left_out.map(({ position, reason }) => `event ${position}: ${reason}`).join("; ")}
        </p>
      )}
      {dashboard && <Dashboard stats={dashboard} />}
      {courses.length === 0 && <Empty>The student saw no courses at this moment.</Empty>}
      {courses.length > 0 && (
        <>
          <CoursesThen courses={courses} changedIds={changedIds} />
          <AssignmentsThen
            assignments={view.assignments}
            courses={courses}
            changedIds={changedIds}
            time={new Date(view.as_of).getTime()}
            onFindChanges={onFindChanges}
          />
        </>
      )}
    </>
  );
}

function Dashboard({ stats }: { stats: Stats }) {
  const { courses, assignments, grades, next_due, last_synced_at } = stats;
  return (
    <>
      <div class="figures">
        <Figure label="Current courses" value={formatNumber(courses.active)} />
        <Figure label="Average score" value={formatPercent(grades.average_score)} />
        <Figure label="Upcoming" value={formatNumber(assignments.upcoming)} />
        <Figure
          label="Missing"
          value={formatNumber(assignments.missing)}
          kind={assignments.missing ? "bad" : "plain"}
        />
        <Figure label="Submitted" value={formatNumber(assignments.submitted)} />
        <Figure label="Graded" value={formatNumber(assignments.graded)} />
      </div>
      <Card title="Due next at that moment">
        {next_due.length === 0 && <Empty>Nothing was due.</Empty>}
        <ul class="list">
          {next_due.map(({ id, name, due_at }) => (
            <li key={id}>
              <span>{name}</span>
              <Time value={due_at} />
            </li>
          ))}
        </ul>
        <p class="fine">
          Read from Canvas: <Time value={last_synced_at} none="not yet" mode="seconds" />
        </p>
      </Card>
    </>
  );
}
