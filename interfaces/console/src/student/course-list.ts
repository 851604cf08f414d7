// The rows of the list of courses: what belongs to a course, from several lists.
import type { Assignment, Course, GradeChange, Schemas } from "../types.ts";
import { groupBy } from "./group-by.ts";
import { trendOf, type Trend } from "./trend.ts";
import { compareDue } from "./weeks.ts";

export interface CourseRow {
  readonly course: Course;
  readonly trend: Trend;
  readonly nextDue: Assignment | null;
  readonly missing: number;
}

/** Return a row for each course: current ones first, favourites before others, then by name. */
export function courseRows(
  { courses, assignments }: Pick<Schemas["Everything"], "courses" | "assignments">,
  changes: readonly GradeChange[],
  now: number,
): CourseRow[] {
  const byCourse = groupBy(assignments, ({ course_id }) => course_id);
  return courses.toSorted(compareCourses).map((course) => {
    const own = byCourse.get(course.id) ?? [];
    const open = own.filter(({ status }) => status === "upcoming").toSorted(compareDue);
    return {
      course,
      trend: trendOf(changes, { courseId: course.id, assignmentId: null }, now),
      nextDue: open[0] ?? null,
      missing: own.filter(({ submission, status }) => submission?.missing || status === "missing")
        .length,
    };
  });
}

function compareCourses(one: Course, other: Course): number {
  if (one.favorite !== other.favorite) return one.favorite ? -1 : 1;
  return (one.name ?? "").localeCompare(other.name ?? "", undefined, { numeric: true });
}

/** Whether the course is one in which the person learns at present. */
export const isCurrent = ({ course }: CourseRow): boolean =>
  course.state === "active" && course.role === "student";
