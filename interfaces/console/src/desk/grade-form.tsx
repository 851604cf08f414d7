// Sets or removes the grade of an assignment.
import { useState } from "preact/hooks";
import { ActionButton, Field, useAction } from "../components/form.tsx";
import { ProblemNotice } from "../components/notices.tsx";
import { formatScore } from "../format.ts";
import { change } from "./changes.ts";
import type { GivenAssignment } from "./control-api.ts";

export function GradeForm({ assignment }: { assignment: GivenAssignment }) {
  const { id, score, points_possible: points } = assignment;
  const [text, setText] = useState(suggestedScore(assignment));
  const action = useAction(async () => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!Number.isFinite(value) || value < 0) throw new Error("Enter the score as a number, for example 8.5.");
    await change("set_grade", { assignment_id: id, score: value });
  });
  return (
    <form
      aria-label="Grade"
      onSubmit={(event) => {
        event.preventDefault();
        action.run();
      }}
    >
      <Field
        label="Score"
        type="number"
        min="0"
        step="any"
        required
        value={text}
        onChange={setText}
        hint={`Now ${formatScore(score)} of ${formatScore(points)} points.`}
      />
      <div class="actions">
        <button type="submit" class="main" disabled={action.isBusy}>
          {action.isBusy ? "Working…" : "Set the grade"}
        </button>
        {score !== null && (
          <ActionButton act={() => change("set_grade", { assignment_id: id }).then(() => undefined)}>
            Remove the grade
          </ActionButton>
        )}
      </div>
      {action.problem && <ProblemNotice problem={action.problem} />}
    </form>
  );
}

/** A score that differs from the present one, so that one click shows a change. */
function suggestedScore({ score, points_possible: points }: GivenAssignment): string {
  const most = points ?? 10;
  if (score === null) return String(Math.round(most * 0.8 * 2) / 2);
  return String(score + 1 <= most ? score + 1 : Math.max(0, score - 1));
}
