// The assignments that are due next.
import { Badge, ExternalLink, Time } from "../components/text.tsx";
import { Empty } from "../components/notices.tsx";
import { href } from "../router.ts";
import type { Assignment, Stats } from "../types.ts";
import { pointsText, STATUS_TEXTS } from "./words.ts";

export function DueNext({ stats }: { stats: Stats }) {
  const names = new Map(stats.courses_at_a_glance.map((course) => [course.course_id, course.name]));
  if (!stats.next_due.length) return <Empty>Nothing is due. New due dates appear here by themselves.</Empty>;
  return (
    <ol class="list due-next">
      {stats.next_due.map((assignment, index) => (
        <li key={assignment.id} class={index ? undefined : "due-first"}>
          <Item assignment={assignment} course={names.get(assignment.course_id) ?? null} />
        </li>
      ))}
    </ol>
  );
}

function Item({ assignment, course }: { assignment: Assignment; course: string | null }) {
  const { name, html_url, due_at, status, points_possible } = assignment;
  const [text, kind] = STATUS_TEXTS[status];
  const title = name ?? "Assignment without a name";
  return (
    <>
      <div>
        <strong>{html_url ? <ExternalLink href={html_url}>{title}</ExternalLink> : title}</strong>
        <p class="fine">
          <a href={href(["student", "courses", assignment.course_id])}>{course ?? "Course"}</a>{" "}
          <span>{pointsText(null, points_possible)}</span>
        </p>
      </div>
      <div class="due-when">
        <strong>
          <Time value={due_at} mode="relative" />
        </strong>
        <p class="fine">
          <Time value={due_at} />
        </p>
        {status !== "upcoming" && <Badge kind={kind}>{text}</Badge>}
      </div>
    </>
  );
}
