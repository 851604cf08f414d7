// Fields, buttons that wait for their request, and dialogs.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { problemOf, type Problem } from "../api.ts";
import { ProblemNotice } from "./notices.tsx";

interface FieldProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  type?: "text" | "email" | "password" | "search" | "number" | "date" | "datetime-local" | "url";
  hint?: string | undefined;
  error?: string | undefined;
  autocomplete?: AutoFill;
  placeholder?: string;
  required?: boolean;
  min?: string;
  max?: string;
  step?: string;
}

type AutoFill = "off" | "username" | "current-password";

/** A labelled input; `hint` and `error` are connected to it for screen readers. */
export function Field({ label, value, onChange, type = "text", hint, error, ...more }: FieldProps) {
  const id = useId();
  const described = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        {...more}
        {...(described && { "aria-describedby": described })}
        {...(error && { "aria-invalid": "true" as const })}
        type={type as "text"} // Preact's types want one element for each type of input
        id={id}
        value={value}
        spellcheck={false}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {error && (
        <p class="error" id={`${id}-error`} role="alert">
          {error}
        </p>
      )}
    </div>
  );
}

/** A labelled choice; `options` are pairs of a value and its text. */
export function Choice({
  label,
  value,
  options,
  onChange,
}: {
  label: string;
  value: string;
  options: readonly (readonly [string, string])[];
  onChange: (value: string) => void;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map(([each, text]) => (
          <option value={each}>{text}</option>
        ))}
      </select>
    </div>
  );
}

export interface Action {
  readonly isBusy: boolean;
  readonly problem: Problem | undefined;
  readonly run: () => void;
  readonly reset: () => void;
}

/** Run a command once at a time, and keep the problem of its last run. */
export function useAction(act: () => Promise<void>): Action {
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>();
  const run = () => {
    if (isBusy) return;
    setBusy(true);
    setProblem(undefined);
    act()
      .catch((error: unknown) => setProblem(problemOf(error)))
      .finally(() => setBusy(false));
  };
  return { isBusy, problem, run, reset: () => setProblem(undefined) };
}

/** A button that runs an action, waits for it, and shows its problem. */
export function ActionButton({
  act,
  children,
  kind = "plain",
  busyText = "Working…",
}: {
  act: () => Promise<void>;
  children: ComponentChildren;
  kind?: "plain" | "main" | "danger" | "quiet";
  busyText?: string;
}) {
  const action = useAction(act);
  return (
    <>
      <button type="button" class={kind} disabled={action.isBusy} onClick={action.run}>
        {action.isBusy ? busyText : children}
      </button>
      {action.problem && <ProblemNotice problem={action.problem} />}
    </>
  );
}

/** A modal dialog, open as long as it is drawn. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    element.current?.showModal();
  }, []);
  return (
    <dialog ref={element} aria-labelledby={id} onClose={onClose}>
      <header class="card-head">
        <h2 id={id}>{title}</h2>
        <button type="button" class="quiet" aria-label="Close" onClick={onClose}>
          ×
        </button>
      </header>
      {children}
    </dialog>
  );
}
