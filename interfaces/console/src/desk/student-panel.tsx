// The student's screen in small: it reacts to live messages only, as the student's own screens do.
import { api, unwrap, useLoaded } from "../api.ts";
import { Empty, Shown } from "../components/notices.tsx";
import { Card } from "../components/page.tsx";
import { Time } from "../components/text.tsx";
import { formatPercent, formatScore } from "../format.ts";
import { href } from "../router.ts";
import type { GradeChange, Stats } from "../types.ts";
import { SyncState } from "./sync-state.tsx";

const CHANGES_SHOWN = 5;

async function loadStudent() {
  const [connections, stats, changes] = await Promise.all([
    unwrap(api.GET("/api/v1/canvas/connections", {})),
    unwrap(api.GET("/api/v1/dashboard/stats", {})),
    unwrap(
      api.GET("/api/v1/canvas/grades/history", {
        params: { query: { sort: "-changed_at", baseline: false, limit: CHANGES_SHOWN } },
      }),
    ),
  ]);
  return { connections: connections.items, stats, changes: changes.items };
}

export function StudentPanel() {
  const student = useLoaded(loadStudent, [], { isLive: true });
  return (
    <aside class="desk-student" aria-label="The student's screen">
      <Card title="The student's screen">
        <Shown loaded={student}>
          {({ connections, stats, changes }) =>
            connections.length === 0 ? (
              <Empty>
                No Canvas account is connected.{" "}
                <a href={href(["student", "connections"])}>Connect the one of the sandbox.</a>
              </Empty>
            ) : (
              <>
                {connections.map((connection) => (
                  <SyncState connection={connection} key={connection.id} />
                ))}
                <NewestChanges changes={changes} />
                <DueNext stats={stats} />
                <Scores stats={stats} />
              </>
            )
          }
        </Shown>
      </Card>
    </aside>
  );
}

function NewestChanges({ changes }: { changes: readonly GradeChange[] }) {
  return (
    <section>
      <h3>Newest changes of grades</h3>
      {changes.length === 0 && <p class="hint">None since the first sync.</p>}
      <ul class="list">
        {changes.map((item) => (
          <li key={item.id}>
            <a href={href(["student", "courses", item.course_id], { change: item.id })}>
              {item.assignment_name ?? `Total of ${item.course_name ?? "a course"}`}
            </a>
            <span class="number">
              {formatScore(item.previous?.score)} → {formatScore(item.current?.score)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function DueNext({ stats }: { stats: Stats }) {
  return (
    <section>
      <h3>Due next</h3>
      {stats.next_due.length === 0 && <p class="hint">Nothing is due.</p>}
      <ul class="list">
        {stats.next_due.map((assignment) => (
          <li key={assignment.id}>
            <span>{assignment.name}</span>
            <Time value={assignment.due_at} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Scores({ stats }: { stats: Stats }) {
  return (
    <section>
      <h3>Courses</h3>
      {stats.courses_at_a_glance.length === 0 && <p class="hint">No course is under way.</p>}
      <ul class="list">
        {stats.courses_at_a_glance.map((course) => (
          <li key={course.course_id}>
            <a href={href(["student", "courses", course.course_id])}>{course.name ?? "A restricted course"}</a>
            <strong class="number">{formatPercent(course.current_score)}</strong>
          </li>
        ))}
      </ul>
    </section>
  );
}
