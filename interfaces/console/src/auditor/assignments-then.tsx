// The assignments of a view of the past, with status and score as they were then.
import { useState } from "preact/hooks";
import { DataTable, type Column } from "../components/data-table.tsx";
import { Choice } from "../components/form.tsx";
import { Empty } from "../components/notices.tsx";
import { Card } from "../components/page.tsx";
import { Badge, Time } from "../components/text.tsx";
import { formatCount, formatScore } from "../format.ts";
import { STATUS_TEXTS } from "../student/words.ts";
import type { Assignment, Course } from "../types.ts";
import { orderForMoment } from "./assignment-order.ts";
import { courseName } from "./courses-then.tsx";

const FIRST_COUNT = 15;
const PAGE = 60;

interface AssignmentsThenProps {
  assignments: readonly Assignment[];
  courses: readonly Course[];
  changedIds: ReadonlySet<string>;
  /** The moment of the view, in milliseconds since 1970. */
  time: number;
  /** Show all changes whose sentence has these words. */
  onFindChanges: (words: string) => void;
}

export function AssignmentsThen({
  assignments,
  courses,
  changedIds,
  time,
  onFindChanges,
}: AssignmentsThenProps) {
  const [courseId, setCourseId] = useState("");
  const [count, setCount] = useState(FIRST_COUNT);
  const names = new Map(courses.map((course) => [course.id, courseName(course)]));
  const inCourse = assignments.filter(({ course_id }) => !courseId || course_id === courseId);
  const found = orderForMoment(inCourse, time);
  const changed = found.filter(({ id }) => changedIds.has(id));
  const rows = [...changed, ...found.filter(({ id }) => !changedIds.has(id))];
  return (
    <Card title="Assignments" wide>
      <div class="filters">
        <Choice
          label="Course"
          value={courseId}
          options={[["", "All courses"], ...names]}
          onChange={setCourseId}
        />
        <p class="fine">
          {formatCount(found.length, "assignment")}
          {changed.length > 0 && `, first the ${changed.length} that differ from the other moment`}
        </p>
      </div>
      {rows.length === 0 && <Empty>The student saw no assignments in this course.</Empty>}
      {rows.length > 0 && (
        <DataTable
          caption="Assignments at that moment"
          columns={columns(names, onFindChanges)}
          rows={rows.slice(0, count)}
          keyOf={({ id }) => id}
          classOf={({ id }) => (changedIds.has(id) ? "is-changed" : undefined)}
        />
      )}
      {rows.length > count && (
        <button type="button" onClick={() => setCount(count + PAGE)}>
          Show more
        </button>
      )}
    </Card>
  );
}

function columns(
  courseNames: ReadonlyMap<string, string>,
  onFindChanges: (words: string) => void,
): Column<Assignment>[] {
  return [
    { title: "Assignment", cell: ({ name, canvas_id }) => name ?? `Assignment ${canvas_id}` },
    { title: "Course", cell: ({ course_id }) => courseNames.get(course_id) ?? "–" },
    { title: "Due", cell: ({ due_at }) => <Time value={due_at} none="no due date" /> },
    {
      title: "Status",
      cell: ({ status }) => {
        const [text, kind] = STATUS_TEXTS[status];
        return <Badge kind={kind}>{text}</Badge>;
      },
    },
    { title: "Score", isNumber: true, cell: scoreOf },
    {
      title: "History",
      cell: ({ name }) =>
        name && (
          <button type="button" class="quiet" onClick={() => onFindChanges(name)}>
            Changes<span class="sr"> of {name}</span>
          </button>
        ),
    },
  ];
}

function scoreOf({ submission, points_possible }: Assignment): string {
  const points = points_possible === null ? "" : ` of ${formatScore(points_possible)}`;
  if (!submission || submission.score === null) return submission?.grade ?? `–${points}`;
  return `${formatScore(submission.score)}${points}`;
}
