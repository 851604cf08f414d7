// The history of all grades: when each changed, and by how much.
import { useState } from "preact/hooks";
import { api, unwrap, useLoaded } from "../api.ts";
import { Choice } from "../components/form.tsx";
import { Shown } from "../components/notices.tsx";
import { Card, Page } from "../components/page.tsx";
import { href, route, setParameters } from "../router.ts";
import type { Course, GradeChange } from "../types.ts";
import { courseOptions } from "./assignment-filters.tsx";
import { ChangeTable } from "./change-table.tsx";
import { ScoreChart, ScoreCharts } from "./score-charts.tsx";
import { savedReceipt } from "./receipt-button.tsx";
import { useCourseHistory, useCourses, useTotalChanges } from "./student-data.ts";
import { WithAccount } from "./with-account.tsx";

const PAGE = 100;

export function Grades() {
  const courseId = route.value.query.get("course") ?? "";
  const withFirst = route.value.query.get("first") === "1";
  const courses = useCourses();
  return (
    <Page title="Grade history" lead="Each change of a grade, as a sync found it in Canvas. Newest first.">
      <WithAccount>
        <Card>
          <form class="filters" onSubmit={(event) => event.preventDefault()} aria-label="Filters">
            <Choice
              label="Course"
              value={courseId}
              options={courseOptions(courses.data ?? [])}
              onChange={(value) => setParameters({ course: value })}
            />
            <label class="check-line">
              <input
                type="checkbox"
                checked={withFirst}
                onChange={(event) => setParameters({ first: event.currentTarget.checked ? "1" : "" })}
              />
              Include the first values
            </label>
          </form>
        </Card>
        <Changes courseId={courseId} withFirst={withFirst} key={`${courseId} ${withFirst}`} />
        {courseId ? <CourseCharts courseId={courseId} /> : <TotalCharts courses={courses.data ?? []} />}
      </WithAccount>
      <AboutReceipts />
    </Page>
  );
}

function Changes({ courseId, withFirst }: { courseId: string; withFirst: boolean }) {
  const [pages, setPages] = useState(1);
  const changes = useLoaded(
    (signal) => loadPages(pages, courseId, withFirst, signal),
    [pages, courseId, withFirst],
    { isLive: true, isKept: true },
  );
  return (
    <Card title="Changes">
      <Shown loaded={changes}>
        {({ items, hasMore }) => (
          <>
            {!items.length && !withFirst ? (
              <p class="empty">
                No grade has changed since the first sync. Include the first values to see what it found.
              </p>
            ) : (
              <ChangeTable changes={items} />
            )}
            {hasMore && (
              <button type="button" disabled={changes.isLoading} onClick={() => setPages(pages + 1)}>
                Show older changes
              </button>
            )}
          </>
        )}
      </Shown>
    </Card>
  );
}

/** Load the newest pages of the history, one after the other. */
async function loadPages(pages: number, courseId: string, withFirst: boolean, signal: AbortSignal) {
  const items: GradeChange[] = [];
  let cursor: string | null = "";
  for (let page = 0; page < pages && cursor !== null; page++) {
    const query = {
      sort: "-changed_at",
      limit: PAGE,
      ...(courseId && { course_id: courseId }),
      ...(!withFirst && { baseline: false }),
      ...(cursor && { cursor }),
    } as const;
    const found: { items: GradeChange[]; next_cursor: string | null } = await unwrap(
      api.GET("/api/v1/canvas/grades/history", { params: { query }, signal }),
    );
    items.push(...found.items);
    cursor = found.next_cursor;
  }
  return { items, hasMore: cursor !== null };
}

function CourseCharts({ courseId }: { courseId: string }) {
  const history = useCourseHistory(courseId);
  return (
    <Shown loaded={history}>
      {(changes) => (
        <>
          <Card title="Total of the course">
            <ScoreChart
              label="Total in percent"
              changes={changes}
              subject={{ courseId, assignmentId: null }}
              unit=" %"
            />
          </Card>
          <ScoreCharts changes={changes} />
        </>
      )}
    </Shown>
  );
}

function TotalCharts({ courses }: { courses: readonly Course[] }) {
  const totals = useTotalChanges();
  const current = courses.filter(({ state, role }) => state === "active" && role === "student");
  if (!current.length) return null;
  return (
    <Card title="Totals of current courses">
      <Shown loaded={totals}>
        {(changes) => (
          <div class="grid">
            {current.map(({ id, name }) => (
              <div key={id}>
                <h3>
                  <a href={href(["student", "courses", id])}>{name}</a>
                </h3>
                <ScoreChart
                  label={`Total of ${name} in percent`}
                  changes={changes}
                  subject={{ courseId: id, assignmentId: null }}
                  unit=" %"
                  height={150}
                />
              </div>
            ))}
          </div>
        )}
      </Shown>
    </Card>
  );
}

function AboutReceipts() {
  const name = savedReceipt.value ?? "grade-receipt-ID.json";
  return (
    <Card title="What a receipt is">
      <p>
        A receipt is a small signed file that proves one grade to someone else, such as a scholarship
        office, and shows nothing but this grade. The receiver checks it offline, without an account:
      </p>
      <pre tabIndex={0}>{`easeboard receipt verify ${name} --vkey vkey`}</pre>
      <p>
        {savedReceipt.value
          ? "The first file is the receipt that you downloaded last."
          : "The first file is the receipt; its name is shown here once you have downloaded it."}{" "}
        The file <code>vkey</code> is the public key of this service; the receiver gets it from the school,
        not from you.
      </p>
    </Card>
  );
}
