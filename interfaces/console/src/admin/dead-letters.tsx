// The events that a read model has set aside: why, and to retry or skip each.
import { useState } from "preact/hooks";
import { api, unwrap, useLoaded } from "../api.ts";
import { ActionButton, Dialog } from "../components/form.tsx";
import { Empty, Shown } from "../components/notices.tsx";
import { Time } from "../components/text.tsx";
import { formatCount, formatNumber } from "../format.ts";
import { showToast } from "../toasts.ts";
import type { Schemas } from "../types.ts";
import { RunbookParagraph } from "./runbook-paragraph.tsx";
import type { DeadLetter } from "./shapes.ts";

type Settlement = "retry" | "skip";

interface Props {
  name: string;
  onClose: () => void;
  onChange: () => void;
}

export function DeadLetters({ name, onClose, onChange }: Props) {
  const loaded = useLoaded(
    () =>
      unwrap(
        api.GET("/api/v1/admin/projections/{name}/dead-letters", {
          params: { path: { name }, query: { limit: 500 } },
        }),
      ),
    [name],
  );
  const changed = () => {
    loaded.reload();
    onChange();
  };
  return (
    <Dialog title={`Dead letters of ${name}`} onClose={onClose}>
      <p class="fine">
        Events that this read model could not apply. Later events of the same stream wait for them.
      </p>
      <Shown loaded={loaded}>
        {({ items, next_cursor }) => (
          <>
            {items.length === 0 && <Empty>There are no dead letters. Everything is applied.</Empty>}
            <ul class="list" aria-label="Dead letters">
              {items.map((letter) => (
                <li key={letter.id} class="letter">
                  <Letter letter={letter} onChange={changed} />
                </li>
              ))}
            </ul>
            {next_cursor && <p class="fine">There are more; they appear when these are settled.</p>}
          </>
        )}
      </Shown>
      <RunbookParagraph address="#an-event-was-set-aside" title="An event was set aside" />
    </Dialog>
  );
}

function Letter({ letter, onChange }: { letter: DeadLetter; onChange: () => void }) {
  const { id, projection, topic, position, error, waiting, parked_at, person_id } = letter;
  const settle = (what: Settlement) => async () => {
    const outcome = await unwrap(
      api.POST(`/api/v1/admin/projections/{name}/dead-letters/{letter_id}/${what}`, {
        params: { path: { name: projection, letter_id: id } },
      }),
    );
    showToast(toastOf(outcome));
    onChange();
  };
  return (
    <>
      <div class="stack">
        <strong>
          {topic} at position {formatNumber(position)}
        </strong>
        <span>{error}</span>
        <span class="fine">
          Set aside <Time value={parked_at} mode="relative" /> · {formatCount(waiting, "later event waits", "later events wait")} · person{" "}
          <code>{person_id}</code>
        </span>
      </div>
      <LetterActions settle={settle} />
    </>
  );
}

function LetterActions({ settle }: { settle: (what: Settlement) => () => Promise<void> }) {
  const [isSkipAsked, setSkipAsked] = useState(false);
  if (!isSkipAsked) {
    return (
      <div class="actions">
        <ActionButton act={settle("retry")}>Retry</ActionButton>
        <button type="button" onClick={() => setSkipAsked(true)}>
          Skip…
        </button>
      </div>
    );
  }
  return (
    <div class="notice notice-warn">
      <p>This read model then never has the event, also not after a rebuild. What waits behind it is applied.</p>
      <div class="actions">
        <ActionButton act={settle("skip")} kind="danger">
          Skip for good
        </ActionButton>
        <button type="button" onClick={() => setSkipAsked(false)}>
          Cancel
        </button>
      </div>
    </div>
  );
}

function toastOf({ result, error }: Schemas["DeadLetterOutcome"]) {
  if (result === "kept") {
    return { kind: "bad", title: "The event could not be applied again", text: error ?? "" } as const;
  }
  return { kind: "good", title: result === "applied" ? "The event is applied" : "The event is skipped" } as const;
}
