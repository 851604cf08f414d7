// What changed at the chosen moment: the sentences of its change.
import { Empty } from "../components/notices.tsx";
import { Card } from "../components/page.tsx";
import { Time } from "../components/text.tsx";
import { formatCount } from "../format.ts";
import { href } from "../router.ts";
import type { Change } from "./changes.ts";
import { localSentence } from "./sentences.ts";

const SHOWN = 8;

export function ChangedHere({ change, id }: { change: Change | undefined; id: string }) {
  return (
    <Card title="Changed at this moment">
      {change ? <ChangeSentences change={change} id={id} /> : <Empty>Nothing was recorded by then.</Empty>}
    </Card>
  );
}

function ChangeSentences({ change, id }: { change: Change; id: string }) {
  const news = change.events.filter(({ type }) => type !== "CourseFetched");
  const events = news.length ? news : change.events;
  return (
    <>
      <p class="fine">
        The last change by then was at <Time value={change.at} mode="seconds" />
        {change.isFirstReading && ": the first sync, which found everything"}.
      </p>
      <ul class="sentences">
        {events.slice(0, SHOWN).map(({ event_id, sentence }) => (
          <li key={event_id}>{localSentence(sentence)}</li>
        ))}
        {events.length > SHOWN && <li>{`and ${formatCount(events.length - SHOWN, "more change")}`}</li>}
      </ul>
      <p class="fine">
        <a href={href(["auditor", "events", id], { until: secondAfter(change.at) })}>
          The events up to this moment, with their causes and proofs
        </a>
      </p>
    </>
  );
}

/** `until` excludes its own time, and fields of forms have whole seconds. */
function secondAfter(time: string): string {
  return new Date(Math.floor(new Date(time).getTime() / 1000) * 1000 + 1000).toISOString();
}
