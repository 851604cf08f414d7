// One course: totals, what-if, the history of its grades, and its assignments.
import { api, unwrap, useLoaded } from "../api.ts";
import { Empty, Shown } from "../components/notices.tsx";
import { Card, Figure, Page } from "../components/page.tsx";
import { ExternalLink, Time } from "../components/text.tsx";
import { formatCount, formatPercent } from "../format.ts";
import { href, route } from "../router.ts";
import type { Assignment, Course, GradeChange } from "../types.ts";
import { AssignmentList } from "./assignment-list.tsx";
import { ChangeTable } from "./change-table.tsx";
import { exactText } from "./course-score.tsx";
import { Courses } from "./courses.tsx";
import { ScoreChart, ScoreCharts } from "./score-charts.tsx";
import { useAssignments, useCourseHistory } from "./student-data.ts";
import { firstDayOfWeek, groupByWeek } from "./weeks.ts";
import { WhatIf } from "./what-if.tsx";
import { courseName, PERIOD_TITLES } from "./words.ts";

/** The list of courses, or one course if the address names it. */
export function CoursesOrCourse() {
  const id = route.value.path[2];
  return id ? <CoursePage id={id} key={id} /> : <Courses />;
}

function CoursePage({ id }: { id: string }) {
  const course = useLoaded(
    (signal) =>
      unwrap(
        api.GET("/api/v1/canvas/courses/{course_id}", { params: { path: { course_id: id } }, signal }),
      ),
    [id],
    { isLive: true },
  );
  const title = course.data ? courseName(course.data) : "Course";
  return (
    <Page
      title={title}
      lead={course.data && <Lead course={course.data} />}
      actions={
        <>
          <a class="button" href={href(["student", "courses"])}>
            All courses
          </a>
          {course.data?.html_url && (
            <ExternalLink href={course.data.html_url}>Open in Canvas</ExternalLink>
          )}
        </>
      }
    >
      <Shown loaded={course}>{(data) => <CourseParts course={data} />}</Shown>
    </Page>
  );
}

function Lead({ course }: { course: Course }) {
  const teachers = course.teachers.map(({ name }) => name).join(", ");
  const parts = [course.course_code, course.term?.name, teachers].filter(Boolean);
  return <>{parts.join(" · ")}</>;
}

function CourseParts({ course }: { course: Course }) {
  const assignments = useAssignments({ course_id: course.id });
  const history = useCourseHistory(course.id);
  const changeId = route.value.query.get("change") ?? undefined;
  const total = { courseId: course.id, assignmentId: null };
  return (
    <>
      {course.problem && (
        <p class="notice notice-warn">
          The assignments could not be read last time, so what is shown may be old.{" "}
          {course.problem.detail}
        </p>
      )}
      <Totals course={course} />
      <Card title="Grade changes">
        <Shown loaded={history}>{(changes) => <Changes changes={changes} markedId={changeId} />}</Shown>
      </Card>
      <Card title="History of the total">
        <Shown loaded={history}>
          {(changes) => <ScoreChart label="Total in percent" changes={changes} subject={total} unit=" %" />}
        </Shown>
      </Card>
      <Shown loaded={history}>{(changes) => <ScoreCharts changes={changes} />}</Shown>
      <Shown loaded={assignments}>
        {(items) => (
          <>
            {course.role === "student" && <WhatIf course={course} assignments={items} />}
            <Card title="Assignments">
              {items.length ? (
                <AssignmentsByPeriod assignments={items} />
              ) : (
                <Empty>This course has no assignments.</Empty>
              )}
            </Card>
          </>
        )}
      </Shown>
    </>
  );
}

const SHOWN = 12;

/** The changes, newest first, and what the first sync found, folded. */
function Changes({ changes, markedId }: { changes: readonly GradeChange[]; markedId: string | undefined }) {
  const newest = changes.toReversed();
  const first = newest.filter(({ baseline }) => baseline);
  const news = newest.filter(({ baseline }) => !baseline);
  const isMarkedFirst = first.some(({ id }) => id === markedId);
  const isMarkedOld = news.findIndex(({ id }) => id === markedId) >= SHOWN;
  const shown = isMarkedOld ? news : news.slice(0, SHOWN);
  return (
    <>
      {news.length > 0 ? (
        <ChangeTable changes={shown} markedId={markedId} isOfOneCourse />
      ) : (
        <Empty>No grade of this course has changed since the first sync.</Empty>
      )}
      {shown.length < news.length && (
        <a href={href(["student", "grades"], { course: news[0]?.course_id })}>
          All {formatCount(news.length, "change")} of this course
        </a>
      )}
      {first.length > 0 && (
        <details open={isMarkedFirst}>
          <summary>First values ({first.length}): what the first sync found</summary>
          <ChangeTable changes={first} markedId={markedId} isOfOneCourse />
        </details>
      )}
    </>
  );
}

function AssignmentsByPeriod({ assignments }: { assignments: readonly Assignment[] }) {
  const periods = groupByWeek(assignments, Date.now(), firstDayOfWeek(navigator.language));
  return (
    <>
      {periods.map(({ name, weeks, count }) => {
        const list = <AssignmentList assignments={weeks.flatMap(({ items }) => items)} />;
        return name === "past" && periods.length > 1 ? (
          <details key={name}>
            <summary>
              {PERIOD_TITLES[name]} ({count})
            </summary>
            {list}
          </details>
        ) : (
          <div key={name}>
            <h3>{PERIOD_TITLES[name]}</h3>
            {list}
          </div>
        );
      })}
    </>
  );
}

function Totals({ course }: { course: Course }) {
  const { current_score, current_grade, final_score, final_grade, grading_period } = course;
  return (
    <Card title="Totals">
      <div class="figures">
        <Figure label="Total of graded work" value={totalText(current_score, current_grade)} />
        <Figure
          label="Total with ungraded work as 0"
          value={totalText(final_score, final_grade)}
        />
      </div>
      <p class="fine">
        {exactText(course)}
        {grading_period && ` The totals are those of the grading period ${grading_period.title}.`}
        {course.weighted && " Assignment groups have weights."} Last change recorded{" "}
        <Time value={course.updated_at} mode="relative" />.
      </p>
    </Card>
  );
}

const totalText = (score: number | null, grade: string | null): string =>
  score === null ? (grade ?? "–") : `${formatPercent(score)}${grade ? ` ${grade}` : ""}`;
