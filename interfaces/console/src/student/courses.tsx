// The courses with score, trend, next due date and missing work.
import { api, unwrap, useLoaded } from "../api.ts";
import { DataTable, type Column } from "../components/data-table.tsx";
import { Empty, Shown } from "../components/notices.tsx";
import { Card, Page } from "../components/page.tsx";
import { Badge, Time } from "../components/text.tsx";
import { href } from "../router.ts";
import type { Course } from "../types.ts";
import { courseRows, isCurrent, type CourseRow } from "./course-list.ts";
import { CourseScore } from "./course-score.tsx";
import { Sparkline } from "./sparkline.tsx";
import { useTotalChanges } from "./student-data.ts";
import { WithAccount } from "./with-account.tsx";
import { courseName, courseStateText } from "./words.ts";

export function Courses() {
  const everything = useLoaded(
    (signal) => unwrap(api.GET("/api/v1/canvas/data", { signal })),
    [],
    { isLive: true, everySeconds: 60 },
  );
  const changes = useTotalChanges();
  return (
    <Page title="Courses" lead="Scores are the totals that Canvas shows you.">
      <WithAccount>
        <Shown loaded={everything}>
          {(data) => <Tables rows={courseRows(data, changes.data ?? [], Date.now())} />}
        </Shown>
      </WithAccount>
    </Page>
  );
}

function Tables({ rows }: { rows: readonly CourseRow[] }) {
  if (!rows.length) {
    return (
      <Card>
        <Empty>
          No course is known yet. <a href={href(["student", "connections"])}>Look at the syncs</a> or
          wait until the first one is complete.
        </Empty>
      </Card>
    );
  }
  const current = rows.filter(isCurrent);
  const others = rows.filter((row) => !isCurrent(row));
  return (
    <>
      <Card title="Current courses">
        {current.length ? (
          <DataTable caption="Current courses" columns={COLUMNS} rows={current} keyOf={keyOf} />
        ) : (
          <Empty>There is no current course.</Empty>
        )}
      </Card>
      {others.length > 0 && (
        <Card title="Ended and other courses">
          <DataTable
            caption="Ended and other courses"
            columns={OTHER_COLUMNS}
            rows={others}
            keyOf={keyOf}
          />
        </Card>
      )}
    </>
  );
}

const keyOf = ({ course }: CourseRow): string => course.id;

const COURSE: Column<CourseRow> = { title: "Course", cell: ({ course }) => <CourseName course={course} /> };
const SCORE: Column<CourseRow> = {
  title: "Score",
  isNumber: true,
  cell: ({ course }) => <CourseScore course={course} />,
};
const TREND: Column<CourseRow> = {
  title: "Trend",
  cell: ({ trend, course }) => <Sparkline trend={trend} label={`Trend of ${courseName(course)}`} />,
};
const COLUMNS: readonly Column<CourseRow>[] = [
  COURSE,
  SCORE,
  TREND,
  { title: "Next due", cell: ({ nextDue }) => <NextDue row={nextDue} /> },
  {
    title: "Missing",
    isNumber: true,
    cell: ({ missing }) => (missing ? <Badge kind="bad">{missing}</Badge> : "0"),
  },
];
const OTHER_COLUMNS: readonly Column<CourseRow>[] = [
  COURSE,
  { title: "State", cell: ({ course }) => <Badge>{courseStateText(course)}</Badge> },
  SCORE,
  TREND,
];

function CourseName({ course }: { course: Course }) {
  return (
    <div>
      <a href={href(["student", "courses", course.id])}>{courseName(course)}</a>
      <p class="fine">
        {course.course_code}
        {course.term?.name && ` · ${course.term.name}`}
      </p>
      {course.problem && <Badge kind="warn">Not read last time</Badge>}
    </div>
  );
}

function NextDue({ row }: { row: CourseRow["nextDue"] }) {
  if (!row) return <span class="fine">Nothing is due</span>;
  return (
    <div>
      {row.name}
      <p class="fine">
        <Time value={row.due_at} mode="relative" /> · <Time value={row.due_at} />
      </p>
    </div>
  );
}
