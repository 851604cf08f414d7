// The newest syncs of a Canvas account: why, when, how long, and what they found.
import { api, unwrap, useLoaded } from "../api.ts";
import { DataTable, type Column } from "../components/data-table.tsx";
import { Empty, Shown } from "../components/notices.tsx";
import { Badge, Time } from "../components/text.tsx";
import { formatCount, formatSeconds } from "../format.ts";
import { liveSyncs } from "../live.ts";
import type { Connection, Sync } from "../types.ts";
import { isUnderWay } from "./canvas-account.ts";
import { SYNC_TEXTS, TRIGGER_TEXTS } from "./words.ts";

const LIMIT = 25;

export function SyncHistory({ connection }: { connection: Connection }) {
  const syncs = useLoaded(
    (signal) =>
      unwrap(
        api.GET("/api/v1/sync/logs", {
          params: { query: { connection_id: connection.id, limit: LIMIT } },
          signal,
        }),
      ),
    [connection.id],
    { isLive: true },
  );
  return (
    <Shown loaded={syncs}>
      {({ items }) =>
        items.length ? (
          <DataTable
            caption={`Syncs of ${connection.canvas_name}`}
            columns={COLUMNS}
            rows={withLive(items, liveSyncs.value[connection.id])}
            keyOf={({ id }) => id}
          />
        ) : (
          <Empty>There was no sync yet.</Empty>
        )
      }
    </Shown>
  );
}

/** Return the syncs, with the newest state of the one that runs. */
function withLive(syncs: readonly Sync[], live: Sync | undefined): readonly Sync[] {
  if (!live) return syncs;
  if (syncs.some(({ id }) => id === live.id)) {
    return syncs.map((sync) => (sync.id === live.id ? live : sync));
  }
  return isUnderWay(live) ? [live, ...syncs] : syncs;
}

const COLUMNS: readonly Column<Sync>[] = [
  { title: "Started", cell: ({ started_at }) => <Time value={started_at} none="not yet" /> },
  { title: "Why", cell: ({ trigger }) => TRIGGER_TEXTS[trigger] },
  {
    title: "Result",
    cell: ({ status, error }) => (
      <div>
        <Badge kind={SYNC_TEXTS[status][1]}>{SYNC_TEXTS[status][0]}</Badge>
        {error && <p class="fine">{error.detail}</p>}
      </div>
    ),
  },
  { title: "Took", isNumber: true, cell: durationText },
  {
    title: "Courses read",
    isNumber: true,
    cell: ({ courses: { done, total } }) => `${done} of ${total}`,
  },
  { title: "Found", cell: changesText },
];

function durationText({ started_at, finished_at }: Sync): string {
  if (!started_at || !finished_at) return "–";
  return formatSeconds((Date.parse(finished_at) - Date.parse(started_at)) / 1000);
}

function changesText({ changes: { courses, assignments, grades } }: Sync): string {
  const found = [
    courses && `changes of ${formatCount(courses, "course")}`,
    assignments && `changes of ${formatCount(assignments, "assignment")}`,
    grades && formatCount(grades, "grade change"),
  ].filter(Boolean);
  return found.join(", ") || "nothing new";
}
