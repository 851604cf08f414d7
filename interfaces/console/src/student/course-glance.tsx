// The current courses with their score and how much of their work is done.
import { Empty } from "../components/notices.tsx";
import { formatPercent } from "../format.ts";
import { href } from "../router.ts";
import type { Stats } from "../types.ts";

export function CourseGlance({ courses }: { courses: Stats["courses_at_a_glance"] }) {
  if (!courses.length) return <Empty>There is no current course.</Empty>;
  return (
    <ul class="list">
      {courses.map(({ course_id, name, current_score, done, total }) => (
        <li key={course_id}>
          <div class="course-glance">
            <a href={href(["student", "courses", course_id])}>{name ?? "Course without a name"}</a>
            <progress class="bar" aria-label={`Work done in ${name}`} max={total || 1} value={done} />
            <p class="fine">
              {total ? `${done} of ${total} done` : "No work yet"}
            </p>
          </div>
          <strong class="glance-score">{formatPercent(current_score)}</strong>
        </li>
      ))}
    </ul>
  );
}
