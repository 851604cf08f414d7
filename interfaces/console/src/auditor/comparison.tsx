// The difference between the chosen moment and another one, in sentences.
import { useEffect, useState } from "preact/hooks";
import type { Loaded } from "../api.ts";
import { Field } from "../components/form.tsx";
import { Empty, Shown } from "../components/notices.tsx";
import { Card } from "../components/page.tsx";
import { Time } from "../components/text.tsx";
import { setParameters } from "../router.ts";
import type { ViewDiff } from "./audit-types.ts";
import { changeAt, timeOf, type Change } from "./changes.ts";
import { fromLocalField, justBefore, toLocalField } from "./moments.ts";
import { localSentence } from "./sentences.ts";

interface ComparisonProps {
  difference: Loaded<ViewDiff | null>;
  moment: string | undefined;
  other: string | undefined;
  changes: readonly Change[];
}

const compareWith = (from: string | undefined): void => setParameters({ from });

export function Comparison({ difference, moment, other, changes }: ComparisonProps) {
  const [text, setText] = useState(toLocalField(other));
  useEffect(() => setText(toLocalField(other)), [other]);
  const change = changeAt(changes, moment ? timeOf(moment) : Infinity);
  const first = change?.events[0]?.recorded_at;
  const submit = (event: Event) => {
    event.preventDefault();
    const chosen = fromLocalField(text);
    if (chosen) compareWith(chosen);
  };
  return (
    <Card title="Compare with another moment">
      <form class="inline-form" onSubmit={submit}>
        <Field label="Other moment" type="datetime-local" step="1" value={text} onChange={setText} />
        <button type="submit" disabled={!fromLocalField(text)}>
          Compare
        </button>
      </form>
      <div class="actions">
        <button type="button" disabled={!first} onClick={() => first && compareWith(justBefore(first))}>
          Compare with the change before
        </button>
        {moment && (
          <button type="button" onClick={() => compareWith(new Date().toISOString())}>
            Compare with now
          </button>
        )}
        {other && (
          <button type="button" onClick={() => compareWith(undefined)}>
            Do not compare
          </button>
        )}
      </div>
      {other && (
        <Shown loaded={difference}>{(shown) => (shown ? <Differences difference={shown} /> : null)}</Shown>
      )}
    </Card>
  );
}

function Differences({ difference }: { difference: ViewDiff }) {
  const { items, from, to, redacted } = difference;
  return (
    <>
      <p class="fine">
        From <Time value={from} mode="seconds" /> to <Time value={to} mode="seconds" />:
      </p>
      {redacted && <Empty>The student's data were erased, so there is nothing to compare.</Empty>}
      {!redacted && !items.length && <Empty>The student saw the same at both moments.</Empty>}
      <ul class="sentences">
        {items.map(({ sentence, at, position }, index) => (
          <li key={`${position} ${index}`}>
            {localSentence(sentence)}{" "}
            {at && (
              <span class="fine">
                (<Time value={at} />)
              </span>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
