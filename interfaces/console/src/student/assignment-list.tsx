// Assignments as a list: what, when, how many points, and what hinders it.
import { Badge, ExternalLink, Time } from "../components/text.tsx";
import { href } from "../router.ts";
import type { Assignment, Schemas } from "../types.ts";
import { localTimes, pointsText, STATUS_TEXTS } from "./words.ts";

interface AssignmentListProps {
  assignments: readonly Assignment[];
  /** Names of courses by id; absent where all are of one course. */
  courseNames?: ReadonlyMap<string, string | null>;
}

export function AssignmentList({ assignments, courseNames }: AssignmentListProps) {
  return (
    <ul class="list assignments">
      {assignments.map((assignment) => (
        <li key={assignment.id}>
          <div class="assignment-main">
            <Title assignment={assignment} />
            <p class="fine">
              {courseNames && (
                <a href={href(["student", "courses", assignment.course_id])}>
                  {courseNames.get(assignment.course_id) ?? "Course"}
                </a>
              )}
              {assignment.group?.name && <span>{assignment.group.name}</span>}
              {assignment.omit_from_final_grade && <span>Does not count in the total</span>}
            </p>
            {assignment.locked && (
              <p class="fine">
                <Badge kind="warn">Locked</Badge> {localTimes(assignment.lock_reason)}
              </p>
            )}
            {assignment.parts.length > 0 && <Parts parts={assignment.parts} />}
          </div>
          <div class="due-when">
            <Badges assignment={assignment} />
            <p>{scoreOf(assignment)}</p>
            <p class="fine">
              {assignment.due_at ? (
                <>
                  Due <Time value={assignment.due_at} />
                </>
              ) : (
                "No due date"
              )}
            </p>
          </div>
        </li>
      ))}
    </ul>
  );
}

function Title({ assignment: { name, html_url } }: { assignment: Assignment }) {
  const title = name ?? "Assignment without a name";
  return <strong>{html_url ? <ExternalLink href={html_url}>{title}</ExternalLink> : title}</strong>;
}

function Badges({ assignment: { status, submission } }: { assignment: Assignment }) {
  const [text, kind] = STATUS_TEXTS[status];
  return (
    <span class="assignment-badges">
      {submission?.late && <Badge kind="warn">Late</Badge>}
      {submission?.missing && status !== "missing" && <Badge kind="bad">Missing</Badge>}
      <Badge kind={kind}>{text}</Badge>
    </span>
  );
}

function scoreOf({ submission, points_possible, grading_type }: Assignment): string {
  const grade = submission?.grade;
  const points = pointsText(submission?.score, points_possible);
  const isLetter = grade && grading_type !== "points" && grading_type !== null;
  return isLetter && submission.score !== null ? `${points} (${grade})` : points || grade || "";
}

function Parts({ parts }: { parts: readonly Schemas["AssignmentPart"][] }) {
  return (
    <ul class="assignment-parts">
      {parts.map(({ name, due_at, points_possible, status, score }) => {
        const [text, kind] = STATUS_TEXTS[status];
        return (
          <li>
            {name ?? "Part"} · <Time value={due_at} none="no due date" /> ·{" "}
            {pointsText(score, points_possible)} <Badge kind={kind}>{text}</Badge>
          </li>
        );
      })}
    </ul>
  );
}
