// Ends a course or its whole term, and opens the course again.
import { ActionButton } from "../components/form.tsx";
import { Card } from "../components/page.tsx";
import { showToast } from "../toasts.ts";
import { change } from "./changes.ts";
import type { TaughtCourse } from "./control-api.ts";

export function CourseEnd({ course }: { course: TaughtCourse }) {
  const { id, name, concluded, term_id: termId } = course;
  const conclude = (isConcluded: boolean) => async () => {
    await change("conclude_course", { course_id: id, concluded: isConcluded });
    showToast({ kind: "good", title: `${name} ${isConcluded ? "has ended" : "is open again"}` });
  };
  const endTerm = async () => {
    await change("end_term", { term_id: termId });
    showToast({ kind: "good", title: `The term of ${name} has ended` });
  };
  return (
    <Card title="End of the course">
      <p>
        <strong>{name}</strong> {concluded ? "has ended. It stays in the student's list." : "is under way."}
      </p>
      <div class="actions">
        {concluded ? (
          <ActionButton key="open" act={conclude(false)}>
            Reopen the course
          </ActionButton>
        ) : (
          <>
            <ActionButton key="conclude" act={conclude(true)}>
              Conclude the course
            </ActionButton>
            <ActionButton key="term" kind="danger" act={endTerm}>
              End the term
            </ActionButton>
          </>
        )}
      </div>
      {!concluded && <p class="hint">Ending the term ends every course of it.</p>}
    </Card>
  );
}
