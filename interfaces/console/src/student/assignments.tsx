// The assignments of all courses by week, with filters.
import { useState } from "preact/hooks";
import { Empty, Shown } from "../components/notices.tsx";
import { Card, Page } from "../components/page.tsx";
import { formatCount, formatDate, timeZone } from "../format.ts";
import type { Assignment } from "../types.ts";
import { AssignmentFilters, filterOfAddress } from "./assignment-filters.tsx";
import { AssignmentList } from "./assignment-list.tsx";
import { useAssignments, useCourses } from "./student-data.ts";
import { firstDayOfWeek, groupByWeek, type Period, type PeriodName } from "./weeks.ts";
import { PERIOD_TITLES } from "./words.ts";

type CourseNames = ReadonlyMap<string, string | null>;

export function Assignments() {
  const filter = filterOfAddress();
  const assignments = useAssignments(filter);
  const courses = useCourses();
  const names: CourseNames = new Map((courses.data ?? []).map(({ id, name }) => [id, name]));
  return (
    <Page title="Assignments" lead={`By week. Times are those of your time zone, ${timeZone}.`}>
      <Card>
        <AssignmentFilters courses={courses.data ?? []} />
      </Card>
      <Shown loaded={assignments}>
        {(items) => <Periods items={items} names={names} isFiltered={Object.keys(filter).length > 0} />}
      </Shown>
    </Page>
  );
}

function Periods({
  items,
  names,
  isFiltered,
}: {
  items: readonly Assignment[];
  names: CourseNames;
  isFiltered: boolean;
}) {
  const periods = groupByWeek(items, Date.now(), firstDayOfWeek(navigator.language));
  if (!periods.length) {
    return (
      <Card>
        <Empty>
          {isFiltered
            ? "No assignment matches. Clear the filters to see all of them."
            : "There are no assignments yet. They appear here after the first sync."}
        </Empty>
      </Card>
    );
  }
  return (
    <>
      <p class="fine" role="status">
        {formatCount(items.length, "assignment")}
      </p>
      {periods.map((period) => (
        <PeriodCard key={period.name} period={period} names={names} />
      ))}
    </>
  );
}

/** The weeks that are drawn at first; the others are one click away. */
const WEEKS_SHOWN: Readonly<Record<PeriodName, number>> = { this: 1, next: 1, later: 3, undated: 1, past: 1 };

function PeriodCard({ period, names }: { period: Period<Assignment>; names: CourseNames }) {
  const [showsAll, setShowsAll] = useState(false);
  const { name, weeks, count } = period;
  const isLong = weeks.length > WEEKS_SHOWN[name];
  const shown = isLong && !showsAll ? weeks.slice(0, WEEKS_SHOWN[name]) : weeks;
  const hasWeeks = name === "later" || name === "past";
  return (
    <Card title={PERIOD_TITLES[name]} actions={<span class="fine">{formatCount(count, "assignment")}</span>}>
      {shown.map(({ start, items }) => (
        <div key={start ?? name}>
          {hasWeeks && start !== null && <h3>Week of {formatDate(start)}</h3>}
          <AssignmentList assignments={items} courseNames={names} />
        </div>
      ))}
      {isLong && !showsAll && (
        <button type="button" onClick={() => setShowsAll(true)}>
          Show {formatCount(weeks.length - WEEKS_SHOWN[name], "more week")}
        </button>
      )}
    </Card>
  );
}
