// What the totals of a course would be with other scores; nothing of it is recorded.
import { useEffect, useState } from "preact/hooks";
import { api, unwrap, useLoaded } from "../api.ts";
import { Field } from "../components/form.tsx";
import { Shown } from "../components/notices.tsx";
import { Card, Figure } from "../components/page.tsx";
import { formatPercent } from "../format.ts";
import type { Assignment, Course } from "../types.ts";
import { scoreFault, scoresOf, type Entries } from "./what-if-scores.ts";
import { differenceText } from "./words.ts";
import { compareDue } from "./weeks.ts";

const PAUSE_MS = 300;

interface WhatIfProps {
  course: Course;
  assignments: readonly Assignment[];
}

export function WhatIf({ course, assignments }: WhatIfProps) {
  const [entries, setEntries] = useState<Entries>({});
  const graded = assignments
    .filter(({ points_possible, grading_type }) => points_possible !== null && grading_type !== "not_graded")
    .toSorted(compareDue);
  const hasEntries = Object.keys(entries).length > 0;
  if (!graded.length) return null;
  return (
    <Card
      title="What if"
      actions={
        hasEntries && (
          <button type="button" onClick={() => setEntries({})}>
            Use the real scores again
          </button>
        )
      }
    >
      <p class="fine">
        Change scores and see what the total would be. An empty field counts as not graded. Nothing is
        saved or sent to Canvas.
      </p>
      <Totals course={course} entries={entries} assignments={graded} />
      <div class="what-if-fields">
        {graded.map(({ id, name, submission, points_possible }) => (
          <Field
            key={id}
            label={`Score of ${name}`}
            type="number"
            min="0"
            step="any"
            hint={`of ${points_possible} points${id in entries ? " · changed" : ""}`}
            value={entries[id] ?? String(submission?.score ?? "")}
            error={scoreFault(entries[id] ?? "")}
            onChange={(value) => setEntries((old) => ({ ...old, [id]: value }))}
          />
        ))}
      </div>
    </Card>
  );
}

function Totals({ course, entries, assignments }: WhatIfProps & { entries: Entries }) {
  const scores = scoresOf(entries, assignments);
  const wanted = JSON.stringify(scores);
  const [sent, setSent] = useState(wanted);
  useEffect(() => {
    const timer = setTimeout(() => setSent(wanted), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [wanted]);
  const totals = useLoaded(
    (signal) =>
      unwrap(
        api.POST("/api/v1/canvas/courses/{course_id}/what-if", {
          params: { path: { course_id: course.id } },
          body: { scores: JSON.parse(sent) as Record<string, number | null> },
          signal,
        }),
      ),
    [course.id, sent],
    { isLive: true, isKept: true },
  );
  return (
    <Shown loaded={totals}>
      {({ current_score, current_grade, final_score, final_grade, exact, reason }) => (
        <>
          <div class="figures" role="status" aria-label="Result of what if">
            <Figure label="Score now" value={total(course.current_score, course.current_grade)} />
            <Figure label="Score what if" value={total(current_score, current_grade)} />
            <Figure
              label="Difference"
              value={differenceText(minus(current_score, course.current_score))}
            />
            <Figure label="With ungraded work as 0" value={total(final_score, final_grade)} />
          </div>
          <p class="fine">
            {exact
              ? "Exact: with the real scores, this calculation gives the total that Canvas shows."
              : `An estimate. ${reason ?? ""}`}
          </p>
        </>
      )}
    </Shown>
  );
}

const total = (score: number | null, grade: string | null): string =>
  `${formatPercent(score)}${grade ? ` ${grade}` : ""}`;

const minus = (one: number | null, other: number | null): number | null =>
  one === null || other === null ? null : Math.round((one - other) * 100) / 100;
