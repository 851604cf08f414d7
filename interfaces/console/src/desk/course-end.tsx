// Ends a course or its whole term, and opens the course again.
import { ActionButton } from "../components/form.tsx";
import { Card } from "../components/page.tsx";
import { change } from "./changes.ts";
import type { TaughtCourse } from "./control-api.ts";

export function CourseEnd({ course }: { course: TaughtCourse }) {
  const { id, name, concluded, term_id: termId } = course;
  const act = (operation: string, body: Record<string, unknown>) => async () => {
    await change(operation, body);
  };
  return (
    <Card title="End of the course">
      <p>
        <strong>{name}</strong> {concluded ? "has ended. It stays in the student's list." : "is under way."}
      </p>
      <div class="actions">
        {concluded ? (
          <ActionButton key="open" act={act("conclude_course", { course_id: id, concluded: false })}>
            Reopen the course
          </ActionButton>
        ) : (
          <>
            <ActionButton key="conclude" act={act("conclude_course", { course_id: id, concluded: true })}>
              Conclude the course
            </ActionButton>
            <ActionButton key="term" kind="danger" act={act("end_term", { term_id: termId })}>
              End the term
            </ActionButton>
          </>
        )}
      </div>
      {!concluded && <p class="hint">Ending the term ends every course of it.</p>}
    </Card>
  );
}
