// The assignments of all courses by week, with filters.
import { useState } from "preact/hooks";
import { Empty, Shown } from "../components/notices.tsx";
import { Card, Page } from "../components/page.tsx";
import { formatCount, formatDate, timeZone } from "../format.ts";
import type { Assignment, Course } from "../types.ts";
import { AssignmentFilters, filterOfAddress, hasFilter, selectionOfAddress } from "./assignment-filters.tsx";
import { AssignmentList } from "./assignment-list.tsx";
import { selectAssignments } from "./assignment-selection.ts";
import { useAssignments, useCourses } from "./student-data.ts";
import { firstDayOfWeek, groupByWeek, type Period, type PeriodName } from "./weeks.ts";
import { WithAccount } from "./with-account.tsx";
import { PERIOD_TITLES } from "./words.ts";

type CourseNames = ReadonlyMap<string, string | null>;

export function Assignments() {
  const assignments = useAssignments(filterOfAddress());
  const courses = useCourses();
  return (
    <Page title="Assignments" lead={`By week. Times are those of your time zone, ${timeZone}.`}>
      <WithAccount>
        <Card>
          <AssignmentFilters courses={courses.data ?? []} />
        </Card>
        <Shown loaded={courses}>
          {(known) => (
            <Shown loaded={assignments}>{(items) => <Periods items={items} courses={known} />}</Shown>
          )}
        </Shown>
      </WithAccount>
    </Page>
  );
}

function Periods({ items, courses }: { items: readonly Assignment[]; courses: readonly Course[] }) {
  const names: CourseNames = new Map(courses.map(({ id, name }) => [id, name]));
  const now = Date.now();
  const selected = selectAssignments(items, courses, selectionOfAddress(), now);
  const periods = groupByWeek(selected, now, firstDayOfWeek(navigator.language));
  if (!periods.length) {
    return (
      <Card>
        <Empty>{emptyText(items.length > 0)}</Empty>
      </Card>
    );
  }
  return (
    <>
      <p class="fine" role="status">
        {formatCount(selected.length, "assignment")}
      </p>
      {periods.map((period) => (
        <PeriodCard key={period.name} period={period} names={names} />
      ))}
    </>
  );
}

/** Why the list is empty; `hasOthers`: whether there are assignments that the selection leaves out. */
function emptyText(hasOthers: boolean): string {
  if (hasFilter()) return "No assignment matches. Clear the filters to see all of them.";
  return hasOthers
    ? "No current course has assignments. Include ended courses to see theirs."
    : "There are no assignments yet. They appear here after the first sync.";
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
