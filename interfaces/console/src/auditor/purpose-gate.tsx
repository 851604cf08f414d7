// The form for the purpose in place of the screens of an auditor, and the purpose above each of them.
import type { ComponentType } from "preact";
import { useState } from "preact/hooks";
import { Field } from "../components/form.tsx";
import { Page } from "../components/page.tsx";
import { purpose, PURPOSE_MAX_LENGTH } from "./purpose.ts";

const RECORDED =
  "Each reading of a student's history is recorded with your user id, the time and this purpose, and the student can see it.";

/** Return the screen, which is shown once there is a purpose. */
export function withPurpose(Screen: ComponentType): ComponentType {
  return function ScreenWithPurpose() {
    const [isChanging, setChanging] = useState(false);
    if (!purpose.value || isChanging) {
      return <PurposeForm onDone={() => setChanging(false)} />;
    }
    return (
      <>
        <section class="purpose-bar" aria-label="Purpose of your readings">
          <p>
            <span class="fine">Purpose:</span> <strong>{purpose.value}</strong>{" "}
            <span class="fine">Your readings are recorded with it.</span>
          </p>
          <button type="button" class="quiet" onClick={() => setChanging(true)}>
            Change purpose
          </button>
        </section>
        <Screen key={purpose.value} />
      </>
    );
  };
}

function PurposeForm({ onDone }: { onDone: () => void }) {
  const [text, setText] = useState(purpose.value);
  const [error, setError] = useState<string | undefined>();
  const submit = (event: Event) => {
    event.preventDefault();
    const problem = purposeProblem(text);
    setError(problem);
    if (problem) return;
    purpose.value = text.trim();
    onDone();
  };
  return (
    <Page title="Why do you read this?" lead={RECORDED}>
      <form class="card purpose-form" onSubmit={submit}>
        <Field
          label="Purpose"
          value={text}
          onChange={setText}
          error={error}
          hint="For example a case number: “complaint 4711”. It is kept until you sign out or reload the page."
          autocomplete="off"
          required
        />
        <div class="actions">
          <button type="submit" class="main">
            Continue
          </button>
          {purpose.value && (
            <button type="button" onClick={onDone}>
              Cancel
            </button>
          )}
        </div>
      </form>
    </Page>
  );
}

/** Return what is wrong with a purpose, or undefined. */
function purposeProblem(text: string): string | undefined {
  const length = [...text.trim()].length;
  if (!length) return "Write the reason in some words.";
  if (length <= PURPOSE_MAX_LENGTH) return undefined;
  return `At most ${PURPOSE_MAX_LENGTH} characters are possible; it has ${length}.`;
}
