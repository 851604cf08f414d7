// The courses of a view of the past, with their scores then.
import { DataTable, type Column } from "../components/data-table.tsx";
import { Card } from "../components/page.tsx";
import { Badge } from "../components/text.tsx";
import { formatPercent } from "../format.ts";
import { courseStateText } from "../student/words.ts";
import type { Course } from "../types.ts";

/** Canvas may show only the id of a course. */
export const courseName = ({ name, course_code, canvas_id }: Course): string =>
  name ?? course_code ?? `Course ${canvas_id}`;

const COLUMNS: readonly Column<Course>[] = [
  { title: "Course", cell: courseName },
  { title: "Term", cell: ({ term }) => term?.name ?? "–" },
  { title: "State", cell: (course) => <Badge>{courseStateText(course)}</Badge> },
  { title: "Assignments", isNumber: true, cell: ({ assignment_count }) => assignment_count },
  {
    title: "Current score",
    isNumber: true,
    cell: (course) => (course.grades_hidden ? "hidden" : total(course.current_score, course.current_grade)),
  },
  {
    title: "Final score",
    isNumber: true,
    cell: (course) => (course.grades_hidden ? "hidden" : total(course.final_score, course.final_grade)),
  },
];

export function CoursesThen({
  courses,
  changedIds,
}: {
  courses: readonly Course[];
  changedIds: ReadonlySet<string>;
}) {
  return (
    <Card title="Courses" wide>
      <DataTable
        caption="Courses at that moment"
        columns={COLUMNS}
        rows={inOrder(courses)}
        keyOf={({ id }) => id}
        classOf={({ id }) => (changedIds.has(id) ? "is-changed" : undefined)}
      />
    </Card>
  );
}

const STATES: readonly Course["state"][] = ["active", "restricted", "concluded", "withdrawn"];

function inOrder(courses: readonly Course[]): Course[] {
  return [...courses].sort(
    (a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state) || courseName(a).localeCompare(courseName(b)),
  );
}

function total(score: number | null, grade: string | null): string {
  if (score === null) return grade ?? "–";
  return grade ? `${formatPercent(score)} (${grade})` : formatPercent(score);
}
