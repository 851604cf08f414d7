// All changes of a connection, to be searched: "when did this grade change, and by how much?".
import { useState } from "preact/hooks";
import { Choice, Field } from "../components/form.tsx";
import { Empty } from "../components/notices.tsx";
import { Card } from "../components/page.tsx";
import { Time } from "../components/text.tsx";
import { formatCount } from "../format.ts";
import { href, route } from "../router.ts";
import type { AuditedEvent } from "./audit-types.ts";
import type { Change } from "./changes.ts";
import { hasWords, localSentence } from "./sentences.ts";

const KINDS = [
  ["news", "All, without the first sync"],
  ["GradeChanged", "Grades"],
  ["DueDateChanged", "Due dates"],
  ["all", "All"],
] as const;
const PAGE = 50;

interface Found {
  readonly event: AuditedEvent;
  readonly at: string;
}

export function ChangeList({
  changes,
  search,
  onSearch,
}: {
  changes: readonly Change[];
  search: string;
  onSearch: (words: string) => void;
}) {
  const [kind, setKind] = useState<string>("news");
  const [count, setCount] = useState(PAGE);
  const found = findChanges(changes, kind, search);
  const { path, query } = route.value;
  return (
    <Card title="All changes" wide>
      <div class="filters">
        <Field
          label="Find a change"
          type="search"
          value={search}
          onChange={onSearch}
          placeholder="Name of an assignment or a course"
        />
        <Choice label="Kind" value={kind} options={KINDS} onChange={setKind} />
      </div>
      <p class="fine" role="status">
        {formatCount(found.length, "change")}, the newest first
      </p>
      {!found.length && <Empty>No change fits. Choose “All”, or search for fewer words.</Empty>}
      <ol class="list changes" aria-label="Changes">
        {found.slice(0, count).map(({ event, at }) => (
          <li key={event.event_id}>
            <a href={href(path, { ...Object.fromEntries(query), as_of: at })} onClick={() => scrollTo(0, 0)}>
              <Time value={event.recorded_at} mode="seconds" />
            </a>
            <span>{localSentence(event.sentence)}</span>
          </li>
        ))}
      </ol>
      {found.length > count && (
        <button type="button" onClick={() => setCount(count + PAGE)}>
          Show more
        </button>
      )}
    </Card>
  );
}

/** Return the events that fit, the newest first; a course that was read is one only if nothing else. */
function findChanges(changes: readonly Change[], kind: string, search: string): Found[] {
  return changes
    .flatMap(({ events, at }) => events.map((event) => ({ event, at })))
    .filter(({ event }) => fits(event, kind) && hasWords(localSentence(event.sentence), search))
    .reverse();
}

function fits({ type, payload }: AuditedEvent, kind: string): boolean {
  if (kind === "all") return true;
  if (kind === "news") return payload["baseline"] !== true && type !== "CourseFetched";
  return type === kind;
}
