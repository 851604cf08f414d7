// The newest grade changes, each with the value before and after.
import { Empty } from "../components/notices.tsx";
import { Time } from "../components/text.tsx";
import { href } from "../router.ts";
import type { GradeChange } from "../types.ts";
import { differenceOf } from "./trend.ts";
import { differenceText, scoreText } from "./words.ts";

export const unitOf = ({ subject }: GradeChange): string => (subject === "course" ? " %" : "");

export const subjectText = (change: GradeChange): string =>
  change.subject === "course" ? "Course total" : (change.assignment_name ?? "Assignment without a name");

export const changeHref = (change: GradeChange): string =>
  href(["student", "courses", change.course_id], { change: change.id });

/** "9 → 9.5", with the words that a screen reader needs. */
export function BeforeAfter({ change }: { change: GradeChange }) {
  const unit = unitOf(change);
  return (
    <span class="before-after">
      {change.previous && (
        <>
          <span class="sr">from </span>
          {scoreText(change.previous, unit)}
          <span aria-hidden="true"> → </span>
          <span class="sr"> to </span>
        </>
      )}
      <strong>{change.current ? scoreText(change.current, unit) : "no longer shown"}</strong>
    </span>
  );
}

/** The signed difference of a change, in a colour for better and worse. */
export function Difference({ change }: { change: GradeChange }) {
  const difference = differenceOf(change);
  if (difference === null) return <span class="difference">{change.previous ? "–" : "new"}</span>;
  const kind = difference > 0 ? "good" : difference < 0 ? "bad" : "same";
  const unit = change.subject === "course" ? " points" : "";
  return <span class={`difference difference-${kind}`}>{differenceText(difference, unit)}</span>;
}

export function GradeChangeList({ changes }: { changes: readonly GradeChange[] }) {
  if (!changes.length) {
    return <Empty>No grade has changed since the first sync. A change appears here by itself.</Empty>;
  }
  return (
    <ul class="list">
      {changes.map((change) => (
        <li key={change.id}>
          <div>
            <a href={changeHref(change)}>{subjectText(change)}</a>
            <p class="fine">{change.course_name}</p>
          </div>
          <div class="due-when">
            <BeforeAfter change={change} /> <Difference change={change} />
            <p class="fine">
              <Time value={change.changed_at} mode="relative" />
            </p>
          </div>
        </li>
      ))}
    </ul>
  );
}
