// What happens in the next 24 hours: the syncs that are due, by hour and by Canvas host.
import { api, useLoaded } from "../api.ts";
import { DataTable, type Column } from "../components/data-table.tsx";
import { Empty, Shown } from "../components/notices.tsx";
import { Card, Figure, Page } from "../components/page.tsx";
import { Badge } from "../components/text.tsx";
import { formatClock, formatClockSeconds, formatCount, formatNumber, formatWeekday, timeZone } from "../format.ts";
import { href } from "../router.ts";
import { loadPages, MAX_PAGE_SIZE, type PageRequest } from "./paging.ts";
import { everyHour, nightOf, sumsBy, total, type Sum } from "./schedule-sums.ts";
import type { ScheduledHour } from "./shapes.ts";

const requestHours: PageRequest<ScheduledHour> = (page, signal) =>
  api.GET("/api/v1/admin/schedule", { params: { query: page }, signal });

/** More would take longer to load than the reader waits. */
const MAX_PAGES = 20;

export function SchedulePage() {
  const loaded = useLoaded(
    (signal) => loadPages(requestHours, MAX_PAGES, signal, MAX_PAGE_SIZE),
    [],
    { everySeconds: 30 },
  );
  return (
    <Page title="Next 24 hours" lead={`Which syncs are due, by hour and by host. Times are those of ${timeZone}.`}>
      {loaded.loadedAt !== undefined && (
        <p class="fine">Loaded at {formatClockSeconds(loaded.loadedAt)}, and again every 30 seconds.</p>
      )}
      <Shown loaded={loaded}>
        {({ items, hasMore }) => (
          <>
            {hasMore && (
              <p class="notice notice-warn">
                The schedule is longer than this screen loads: the sums are those of the first hours.
              </p>
            )}
            {items.length > 0 ? <Schedule rows={items} /> : <NothingDue />}
          </>
        )}
      </Shown>
    </Page>
  );
}

function NothingDue() {
  return (
    <Empty>
      Nothing is due in the next 24 hours. Connections with a rejected token are not tried: see{" "}
      <a href={href(["admin", "connections"], { status: "token_rejected" })}>Token rejected</a>.
    </Empty>
  );
}

function Schedule({ rows }: { rows: readonly ScheduledHour[] }) {
  const hours = everyHour(rows, Date.now());
  const hosts = sumsBy(rows, ({ host }) => host).sort((one, other) => other.expected - one.expected);
  const overdue = total(hours, "overdue");
  return (
    <>
      <p class="notice">{nightText(hours)}</p>
      <div class="figures">
        <Figure label="Due" value={formatNumber(total(hours, "due"))} />
        <Figure label="Overdue" value={formatNumber(overdue)} kind={overdue ? "warn" : "good"} />
        <Figure label="Expected syncs" value={formatNumber(total(hours, "expected"))} />
      </div>
      <p class="fine">
        “Due” counts each connection once. “Expected syncs” also counts the repetitions, if each sync succeeds.
      </p>
      <Card title="By hour">
        <Hours hours={hours} />
      </Card>
      <Card title="By host">
        <DataTable caption="Due by host" columns={HOST_COLUMNS} rows={hosts} keyOf={({ key }) => key} />
      </Card>
    </>
  );
}

/** What happens tonight, in a sentence. */
function nightText(hours: readonly Sum[]): string {
  const night = nightOf(hours);
  const expected = total(night, "expected");
  if (expected === 0) return "Tonight, from 20:00 to 6:00, no sync is expected.";
  const most = night.reduce((one, other) => (other.expected > one.expected ? other : one));
  const busiest =
    most.expected > 1
      ? ` The busiest hour begins at ${formatClock(Number(most.key))}, with ${formatNumber(most.expected)}.`
      : "";
  const are = expected === 1 ? "is" : "are";
  return `Tonight, from 20:00 to 6:00, ${formatCount(expected, "sync")} ${are} expected.${busiest}`;
}

function Hours({ hours }: { hours: readonly Sum[] }) {
  const most = Math.max(1, ...hours.map(({ expected }) => expected));
  return (
    <ol class="hours" aria-label="Due by hour">
      {hours.map((sum, index) => {
        const time = Number(sum.key);
        const isNewDay = index === 0 || new Date(time).getDate() !== new Date(time - 3_600_000).getDate();
        return (
          <li key={sum.key}>
            {isNewDay && <strong class="hour-day">{formatWeekday(time)}</strong>}
            <span class="hour-time">{formatClock(time)}</span>
            <span class="hour-bar" aria-hidden="true">
              <span style={{ width: `${(100 * sum.expected) / most}%` }} />
            </span>
            <span class="hour-text">{hourText(sum)}</span>
          </li>
        );
      })}
    </ol>
  );
}

function hourText({ due, overdue, expected }: Sum): string {
  if (due + expected === 0) return "–";
  const late = overdue ? `, ${formatNumber(overdue)} overdue` : "";
  return formatCount(expected, "sync") + (due ? ` (${formatNumber(due)} due${late})` : "");
}

const HOST_COLUMNS: readonly Column<Sum>[] = [
  { title: "Host", cell: ({ key }) => <a href={href(["admin", "connections"], { host: key })}>{key}</a> },
  { title: "Due", isNumber: true, cell: ({ due }) => formatNumber(due) },
  { title: "Overdue", isNumber: true, cell: ({ overdue }) => formatNumber(overdue) },
  { title: "Expected syncs", isNumber: true, cell: ({ expected }) => formatNumber(expected) },
  { title: "State", cell: ({ heldUntil }) => <Held until={heldUntil} /> },
];

function Held({ until }: { until: string | null }) {
  if (!until) return <span>Not held back</span>;
  if (Date.parse(until) <= Date.now()) return <Badge kind="warn">Does not answer, the next run tries it</Badge>;
  return <Badge kind="bad">Does not answer, next try at {formatClock(until)}</Badge>;
}
