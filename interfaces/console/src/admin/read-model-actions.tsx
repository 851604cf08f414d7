// The actions on a read model; those that take long or change what people see are confirmed.
import { useState } from "preact/hooks";
import { api, unwrap } from "../api.ts";
import { ActionButton, Dialog, useAction } from "../components/form.tsx";
import { ProblemNotice } from "../components/notices.tsx";
import { formatNumber } from "../format.ts";
import { href } from "../router.ts";
import { showToast } from "../toasts.ts";
import type { Projection } from "./shapes.ts";

type Act = "rebuild" | "verify" | "pause" | "resume" | "rollback";

const DONE: Record<Act, string> = {
  rebuild: "The rebuild has started",
  verify: "The verification has started",
  pause: "Paused",
  resume: "Resumed",
  rollback: "The rollback has started",
};

interface Props {
  projection: Projection;
  onChange: () => void;
}

async function command(name: string, what: Act): Promise<void> {
  await unwrap(api.POST(`/api/v1/admin/projections/{name}/${what}`, { params: { path: { name } } }));
  showToast({ kind: "good", title: `${name}: ${DONE[what]}` });
}

/** Lets a paused read model apply events again. */
export function ResumeButton({ name, onChange }: { name: string; onChange: () => void }) {
  return (
    <ActionButton act={() => command(name, "resume").then(onChange)} kind="main">
      Resume
    </ActionButton>
  );
}

export function ReadModelActions({ projection: { name, state, dead_letters }, onChange }: Props) {
  const [asked, setAsked] = useState<Confirmed | undefined>();
  const act = (what: Act) => async () => {
    await command(name, what);
    setAsked(undefined);
    onChange();
  };
  return (
    <div class="actions" role="group" aria-label={`Actions on ${name}`}>
      {state === "paused" ? (
        <ResumeButton name={name} onChange={onChange} />
      ) : (
        <ActionButton act={act("pause")}>Pause</ActionButton>
      )}
      <ActionButton act={act("verify")}>Verify</ActionButton>
      <button type="button" onClick={() => setAsked("rebuild")}>
        Rebuild…
      </button>
      <button type="button" onClick={() => setAsked("rollback")}>
        Roll back…
      </button>
      {dead_letters > 0 && (
        <a class="button" href={href(["admin", "projections"], { letters: name })}>
          Dead letters ({formatNumber(dead_letters)})
        </a>
      )}
      {asked && (
        <Confirmation name={name} what={asked} act={act(asked)} onClose={() => setAsked(undefined)} />
      )}
    </div>
  );
}

type Confirmed = "rebuild" | "rollback";

const CONFIRMATIONS: Record<Confirmed, { title: string; button: string; text: string }> = {
  rebuild: {
    title: "Rebuild",
    button: "Rebuild",
    text:
      "A new version is built from the first event on, beside the one that answers queries now. " +
      "It replaces that one when it has caught up. With many events this takes long and uses the database.",
  },
  rollback: {
    title: "Roll back",
    button: "Roll back",
    text:
      "The version that was live before the last rebuild catches up and becomes live again. " +
      "The present version is kept, so this can be repeated.",
  },
};

function Confirmation({
  name,
  what,
  act,
  onClose,
}: {
  name: string;
  what: Confirmed;
  act: () => Promise<void>;
  onClose: () => void;
}) {
  const action = useAction(act);
  const { title, button, text } = CONFIRMATIONS[what];
  return (
    <Dialog title={`${title} ${name}?`} onClose={onClose}>
      <p>{text}</p>
      {action.problem && <ProblemNotice problem={action.problem} />}
      <div class="actions">
        <button type="button" class="main" disabled={action.isBusy} onClick={action.run}>
          {action.isBusy ? "Working…" : button}
        </button>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
      </div>
    </Dialog>
  );
}
