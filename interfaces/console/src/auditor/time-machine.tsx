// The time machine: what the student saw of one connection at any moment.
import { useRef, useState } from "preact/hooks";
import { NotFound, Shown } from "../components/notices.tsx";
import { Page } from "../components/page.tsx";
import { formatDateTimeSeconds } from "../format.ts";
import { route } from "../router.ts";
import type { ViewDiff } from "./audit-types.ts";
import { ChangeList } from "./change-list.tsx";
import { ChangedHere } from "./changed-here.tsx";
import { changeAt, timeOf } from "./changes.ts";
import { Comparison } from "./comparison.tsx";
import { ConnectionLinks, nameOfConnection } from "./connection-head.tsx";
import { InvalidMoment, isInvalidAddress } from "./invalid-moment.tsx";
import { MomentCard } from "./moment-card.tsx";
import { usePast, type PastData } from "./past-data.ts";
import { StudentView } from "./student-view.tsx";

export function TimeMachine() {
  const id = route.value.path[2];
  if (!id) return <NotFound />;
  return (
    <Page title="What the student saw" lead={nameOfConnection(id)}>
      <ConnectionLinks id={id} />
      {isInvalidAddress(["as_of", "from"]) ? <InvalidMoment /> : <Past key={id} id={id} />}
    </Page>
  );
}

function Past({ id }: { id: string }) {
  const past = usePast(id);
  const [search, setSearch] = useState("");
  const list = useRef<HTMLDivElement>(null);
  const findChanges = (words: string) => {
    setSearch(words);
    list.current?.scrollIntoView();
    list.current?.querySelector("input")?.focus();
  };
  return (
    <Shown loaded={past.history}>
      {({ isComplete }) => (
        <>
          {past.hasFuture && (
            <p class="notice notice-warn" role="status">
              A moment of this link is in the future. It is treated as now.
            </p>
          )}
          <Moment id={id} past={past} onFind={() => findChanges("")} />
          {!isComplete && (
            <p class="notice notice-warn">
              There are more than 10,000 changes. The slider has the newest ones; a date of your own reaches
              every moment.
            </p>
          )}
          <View past={past} onFindChanges={findChanges} />
          <div ref={list}>
            <ChangeList changes={past.changes} search={search} onSearch={setSearch} />
          </div>
        </>
      )}
    </Shown>
  );
}

function Moment({ id, past, onFind }: { id: string; past: PastData; onFind: () => void }) {
  const { changes, moment, other, now, difference, showNow } = past;
  const start = Math.min(changes[0] ? timeOf(changes[0].at) : now, now - 1);
  return (
    <>
      <MomentCard changes={changes} start={start} end={now} moment={moment} onNow={showNow} onFind={onFind} />
      <div class="grid">
        <ChangedHere change={changeAt(changes, moment ? timeOf(moment) : now)} id={id} />
        <Comparison difference={difference} moment={moment} other={other} changes={changes} />
      </div>
    </>
  );
}

function View({ past, onFindChanges }: { past: PastData; onFindChanges: (words: string) => void }) {
  const { moment, view, difference, isWaiting } = past;
  const changedIds = changedIdsOf(difference.data);
  return (
    <section class={isWaiting ? "view is-waiting" : "view"} aria-busy={isWaiting}>
      <h2>
        {moment ? `The student's view of ${formatDateTimeSeconds(moment)}` : "The student's view now"}
        {isWaiting && <span class="fine"> loading…</span>}
      </h2>
      <Shown loaded={view}>
        {(shown) => <StudentView view={shown} changedIds={changedIds} onFindChanges={onFindChanges} />}
      </Shown>
    </section>
  );
}

/** Return the ids of the courses and assignments that differ from the compared moment. */
function changedIdsOf(difference: ViewDiff | null | undefined): ReadonlySet<string> {
  const items = difference?.items ?? [];
  return new Set(items.flatMap(({ course, assignment }) => [assignment?.id ?? course?.id ?? ""]));
}
