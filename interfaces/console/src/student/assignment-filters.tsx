// The filters of the list of assignments; they are kept in the address.
import { Choice, Field } from "../components/form.tsx";
import { route, setParameters } from "../router.ts";
import type { Course } from "../types.ts";
import { SOON_DAYS, type Selection } from "./assignment-selection.ts";
import type { AssignmentFilter } from "./student-data.ts";
import { courseName } from "./words.ts";

type Option = readonly [value: string, text: string];

const STATUSES: readonly Option[] = [
  ["", "All"],
  ["upcoming,overdue,missing,undated", "To do"],
  ["submitted,graded,excused", "Done"],
  ["upcoming", "Upcoming"],
  ["overdue", "Overdue"],
  ["missing", "Missing"],
  ["late", "Late"],
  ["submitted", "Submitted"],
  ["graded", "Graded"],
  ["excused", "Excused"],
  ["past", "Past, nothing to hand in online"],
  ["undated", "Without a due date"],
];
const SOON = `${SOON_DAYS}-days`;
const DUE: readonly Option[] = [
  ["", "Any time"],
  [SOON, `In the next ${SOON_DAYS} days`],
];
const NAMES = ["status", "course", "q", "due", "from", "until", "ended"] as const;

const valueOf = (name: (typeof NAMES)[number]): string => route.value.query.get(name) ?? "";

/** Return the filter of the present address, as the API takes it. */
export function filterOfAddress(): AssignmentFilter {
  const filter = {
    status: valueOf("status"),
    course_id: valueOf("course"),
    q: valueOf("q").trim(),
    due_after: localDay(valueOf("from"), 0),
    due_before: localDay(valueOf("until"), 1),
  };
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value));
}

/** Return what the list shows of the assignments that the API returns for the present address. */
export const selectionOfAddress = (): Selection => ({
  courseId: valueOf("course"),
  withEnded: valueOf("ended") === "1",
  isDueSoon: valueOf("due") === SOON,
});

/** Whether the present address has a filter that leaves out assignments of current courses. */
export const hasFilter = (): boolean => NAMES.some((name) => name !== "ended" && valueOf(name));

/** Return midnight at the begin of a date in the reader's zone, `days` later; "" for no date. */
export function localDay(date: string, days: number): string {
  const [year, month, day] = date.split("-").map(Number);
  if (!year || !month || !day) return "";
  return new Date(year, month - 1, day + days).toISOString();
}

export function AssignmentFilters({ courses }: { courses: readonly Course[] }) {
  const status = valueOf("status");
  const statuses = STATUSES.some(([value]) => value === status)
    ? STATUSES
    : [...STATUSES, [status, status.replaceAll(",", ", ")] as const];
  return (
    <form class="filters" onSubmit={(event) => event.preventDefault()} aria-label="Filters">
      <Choice
        label="Status"
        value={status}
        options={statuses}
        onChange={(value) => setParameters({ status: value })}
      />
      <Choice
        label="Course"
        value={valueOf("course")}
        options={courseOptions(courses)}
        onChange={(value) => setParameters({ course: value })}
      />
      <Field
        label="Search"
        type="search"
        placeholder="Part of the name"
        value={valueOf("q")}
        onChange={(value) => setParameters({ q: value })}
      />
      <DueDates />
      <EndedCourses />
      <button
        type="button"
        disabled={!NAMES.some(valueOf)}
        onClick={() => setParameters(Object.fromEntries(NAMES.map((name) => [name, undefined])))}
      >
        Clear the filters
      </button>
    </form>
  );
}

function DueDates() {
  return (
    <>
      <Choice
        label="Due"
        value={valueOf("due")}
        options={DUE}
        onChange={(value) => setParameters({ due: value })}
      />
      <Field
        label="Due from"
        type="date"
        value={valueOf("from")}
        onChange={(value) => setParameters({ from: value })}
      />
      <Field
        label="Due until"
        type="date"
        value={valueOf("until")}
        onChange={(value) => setParameters({ until: value })}
      />
    </>
  );
}

function EndedCourses() {
  return (
    <label class="check-line">
      <input
        type="checkbox"
        checked={valueOf("ended") === "1"}
        onChange={(event) => setParameters({ ended: event.currentTarget.checked ? "1" : "" })}
      />
      Include ended courses
    </label>
  );
}

/** Return the courses as options, current ones first. */
export function courseOptions(courses: readonly Course[]): Option[] {
  const sorted = courses
    .filter(({ role }) => role === "student")
    .toSorted(
      (one, other) =>
        Number(other.state === "active") - Number(one.state === "active") ||
        (one.name ?? "").localeCompare(other.name ?? "", undefined, { numeric: true }),
    );
  return [
    ["", "All courses"],
    ...sorted.map((course): Option => [
      course.id,
      `${courseName(course)}${course.state === "active" ? "" : " (ended)"}`,
    ]),
  ];
}
