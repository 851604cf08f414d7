// The teacher's desk of the demo, beside the student's screen that reacts.
import { useEffect } from "preact/hooks";
import { useLoaded } from "../api.ts";
import { Choice, useAction } from "../components/form.tsx";
import { Empty, ProblemNotice, Shown } from "../components/notices.tsx";
import { Card, Page } from "../components/page.tsx";
import { route, setParameters } from "../router.ts";
import { session } from "../session/session.ts";
import { settings } from "../session/settings.ts";
import { signInForDevelopment } from "../session/sign-in-requests.ts";
import { CanvasServer, StudentToken } from "./canvas-access.tsx";
import { controlVersion, noSyncReason, syncsAfterChange } from "./changes.ts";
import { gradableAssignments, taughtCourses, type TaughtCourse } from "./control-api.ts";
import { CourseEnd } from "./course-end.tsx";
import { DueDateForm } from "./due-date-form.tsx";
import { GradeForm } from "./grade-form.tsx";
import { StudentPanel } from "./student-panel.tsx";

export function DeskPage() {
  if (!settings.value?.demo) {
    return (
      <Page title="Teacher's desk">
        <Empty>The desk exists in the demo only: start it with “easeboard demo”.</Empty>
      </Page>
    );
  }
  if (!session.value?.roles.includes("student")) return <StudentNeeded />;
  return (
    <Page
      title="Teacher's desk"
      lead="Change something in Canvas's sandbox, and watch the student's screen."
    >
      <div class="desk">
        <div class="desk-acts">
          <SyncSwitch />
          <Courses />
          <StudentToken />
          <CanvasServer />
        </div>
        <StudentPanel />
      </div>
    </Page>
  );
}

function StudentNeeded() {
  const action = useAction(async () => {
    session.value = await signInForDevelopment("student");
  });
  return (
    <Page title="Teacher's desk">
      <div class="notice">
        <p>The desk shows the screen of the demo's student beside it, so it needs the student's session.</p>
        <div class="actions">
          <button type="button" class="main" disabled={action.isBusy} onClick={action.run}>
            Use as student
          </button>
        </div>
        {action.problem && <ProblemNotice problem={action.problem} />}
      </div>
    </Page>
  );
}

function SyncSwitch() {
  return (
    <div>
      <label class="check">
        <input
          type="checkbox"
          checked={syncsAfterChange.value}
          onChange={(event) => {
            syncsAfterChange.value = event.currentTarget.checked;
          }}
        />
        Sync after each change
      </label>
      {noSyncReason.value && (
        <p class="hint" role="status">
          {noSyncReason.value}
        </p>
      )}
    </div>
  );
}

function Courses() {
  const courses = useLoaded(taughtCourses, [controlVersion.value]);
  return (
    <Shown loaded={courses}>
      {(all) => {
        const course = all.find(({ id }) => id === chosenCourse()) ?? all[0];
        return course ? <OneCourse course={course} all={all} /> : <Empty>The student attends no course.</Empty>;
      }}
    </Shown>
  );
}

const chosenCourse = (): string | null => route.value.query.get("course");

function OneCourse({ course, all }: { course: TaughtCourse; all: readonly TaughtCourse[] }) {
  const isInAddress = chosenCourse() === course.id;
  useEffect(() => {
    // The order of the courses changes when one ends: the address keeps the one that is shown.
    if (!isInAddress) setParameters({ course: course.id });
  }, [isInAddress, course.id]);
  return (
    <>
      <Card title="Grade and due date">
        <Choice
          label="Course"
          value={course.id}
          options={all.map(({ id, name, concluded }) => [id, concluded ? `${name} (concluded)` : name])}
          onChange={(id) => setParameters({ course: id, assignment: undefined })}
        />
        <Work course={course} />
      </Card>
      <CourseEnd course={course} />
    </>
  );
}

function Work({ course }: { course: TaughtCourse }) {
  const assignments = useLoaded(() => gradableAssignments(course.id), [course.id, controlVersion.value]);
  return (
    <Shown loaded={assignments}>
      {(all) => {
        const chosen = route.value.query.get("assignment");
        const assignment = all.find(({ id }) => id === chosen) ?? all[0];
        if (!assignment) return <Empty>No assignment of this course is graded with points.</Empty>;
        return (
          <>
            <Choice
              label="Assignment"
              value={assignment.id}
              options={all.map(({ id, name }) => [id, name])}
              onChange={(id) => setParameters({ course: course.id, assignment: id })}
            />
            <GradeForm assignment={assignment} key={`grade ${assignment.id}`} />
            <DueDateForm assignment={assignment} key={`due ${assignment.id}`} />
          </>
        );
      }}
    </Shown>
  );
}
