// Moves the due date of an assignment, or removes it.
import { useState } from "preact/hooks";
import { ActionButton, Field, useAction } from "../components/form.tsx";
import { ProblemNotice } from "../components/notices.tsx";
import { formatDateTime, timeZone } from "../format.ts";
import { change } from "./changes.ts";
import type { GivenAssignment } from "./control-api.ts";
import { DAY_MS, dueTimeOf, toLocalInput } from "./local-input.ts";

export function DueDateForm({ assignment }: { assignment: GivenAssignment }) {
  const { id, due_at: dueAt } = assignment;
  const [text, setText] = useState(() => toLocalInput(suggestedDate(dueAt)));
  const move = (due: string | null) => change("move_due_date", { assignment_id: id, due_at: due });
  const action = useAction(async () => {
    await move(dueTimeOf(text));
  });
  return (
    <form
      aria-label="Due date"
      onSubmit={(event) => {
        event.preventDefault();
        action.run();
      }}
    >
      <Field
        label="Due"
        type="datetime-local"
        required
        value={text}
        onChange={setText}
        hint={`${dueAt ? `Now ${formatDateTime(dueAt)}` : "Now without a due date"}. Times are those of ${timeZone}.`}
      />
      <div class="actions">
        <button type="submit" disabled={action.isBusy}>
          {action.isBusy ? "Working…" : "Move the due date"}
        </button>
        {dueAt && (
          <ActionButton act={() => move(null).then(() => undefined)}>Remove the due date</ActionButton>
        )}
      </div>
      {action.problem && <ProblemNotice problem={action.problem} />}
    </form>
  );
}

/** A day after the present date, or tomorrow if that is past. */
function suggestedDate(dueAt: string | null): Date {
  const now = Date.now();
  return new Date(Math.max(dueAt ? new Date(dueAt).getTime() : now, now) + DAY_MS);
}
