// Chooses the moment of the time machine: slider, steps, a date, and the link to it.
import { useEffect, useState } from "preact/hooks";
import { ActionButton, Field } from "../components/form.tsx";
import { Card } from "../components/page.tsx";
import { timeZone } from "../format.ts";
import { href, route, setParameters } from "../router.ts";
import { showToast } from "../toasts.ts";
import { nextChange, previousChange, timeOf, type Change } from "./changes.ts";
import { copyText } from "./clipboard.ts";
import { MomentSlider } from "./moment-slider.tsx";
import { fromLocalField, toLocalField } from "./moments.ts";

interface MomentCardProps {
  changes: readonly Change[];
  start: number;
  end: number;
  moment: string | undefined;
  /** Show the present, with what was recorded since the screen was opened. */
  onNow: () => void;
  /** Go to the list of all changes. */
  onFind: () => void;
}

const moveTo = (moment: string | undefined): void => setParameters({ as_of: moment });

export function MomentCard({ changes, start, end, moment, onNow, onFind }: MomentCardProps) {
  const time = moment === undefined ? end : timeOf(moment);
  const [before, after] = [previousChange(changes, time), nextChange(changes, time)];
  return (
    <Card title="The moment" wide>
      <MomentSlider changes={changes} start={start} end={end} moment={moment} onMove={moveTo} />
      <div class="actions">
        <button type="button" disabled={!before} onClick={() => moveTo(before?.at)}>
          Previous change
        </button>
        <button type="button" disabled={!after} onClick={() => moveTo(after?.at)}>
          Next change
        </button>
        <button type="button" onClick={onNow}>
          Now
        </button>
        <ActionButton act={() => copyLink(moment ?? new Date(end).toISOString())}>Copy link</ActionButton>
        <button type="button" onClick={onFind}>
          Find a change
        </button>
      </div>
      <MomentForm moment={moment} />
    </Card>
  );
}

/** Answers "what did the student see on 3 May?". */
function MomentForm({ moment }: { moment: string | undefined }) {
  const [text, setText] = useState(toLocalField(moment));
  useEffect(() => setText(toLocalField(moment)), [moment]);
  const submit = (event: Event) => {
    event.preventDefault();
    const chosen = fromLocalField(text);
    if (chosen) moveTo(chosen);
  };
  return (
    <form class="inline-form" onSubmit={submit}>
      <Field
        label="Date and time"
        type="datetime-local"
        step="1"
        value={text}
        onChange={setText}
        hint={`In your time zone, ${timeZone}.`}
      />
      <button type="submit" class="main" disabled={!fromLocalField(text)}>
        Show this moment
      </button>
    </form>
  );
}

/** Copy the address of this screen at this moment; "now" becomes the time that it is. */
async function copyLink(moment: string): Promise<void> {
  const { path, query } = route.value;
  const address = href(path, { ...Object.fromEntries(query), as_of: moment });
  await copyText(new URL(address, location.href).href);
  showToast({ kind: "good", title: "The link was copied" });
}
