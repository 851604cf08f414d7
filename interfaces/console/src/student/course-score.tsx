// The total of a course as Canvas shows it, and why there may be none.
import { formatPercent } from "../format.ts";
import type { Course } from "../types.ts";

export function CourseScore({ course }: { course: Course }) {
  const { current_score, current_grade, grades_hidden } = course;
  if (grades_hidden) return <span class="fine">Hidden in Canvas</span>;
  if (current_score === null) return <span>{current_grade ?? "–"}</span>;
  return (
    <span>
      <strong>{formatPercent(current_score)}</strong>
      {current_grade && ` ${current_grade}`}
    </span>
  );
}

/** Return a sentence on whether our own calculation gives the total that Canvas shows. */
export function exactText({ exact, grades_hidden }: Course): string {
  if (grades_hidden) {
    return "The teacher hides the totals of this course in Canvas, so there is none to show.";
  }
  if (exact === null) return "Canvas shows no total of this course, so there is none to compare with.";
  return exact
    ? "Calculated from the single grades, the total is exactly the one that Canvas shows."
    : "Calculated from the single grades, the total differs from the one that Canvas shows. " +
        "What you see here is Canvas's; what-if results are estimates.";
}
