// What several of the student's screens load.
import { allItems, api, unwrap, useLoaded, type Loaded } from "../api.ts";
import type { Assignment, Connection, ConnectionSync, Course, GradeChange } from "../types.ts";

const LIMIT = 500;

/** Load the Canvas accounts that are not removed. */
export function useConnections(): Loaded<Connection[]> {
  return useLoaded(
    async (signal) => {
      const page = await unwrap(
        api.GET("/api/v1/canvas/connections", { params: { query: { limit: LIMIT } }, signal }),
      );
      return page.items.filter(({ status }) => status !== "closed");
    },
    [],
    { isLive: true },
  );
}

/** Load the newest sync of each account, and when the next one is due. */
export function useSyncStatus(): Loaded<ConnectionSync[]> {
  return useLoaded(
    async (signal) => (await unwrap(api.GET("/api/v1/sync/status", { signal }))).items,
    [],
    { isLive: true, everySeconds: 60 },
  );
}

/** Load all courses. */
export function useCourses(): Loaded<Course[]> {
  return useLoaded(
    (signal) =>
      collect(
        allItems((cursor) =>
          api.GET("/api/v1/canvas/courses", {
            params: { query: { limit: LIMIT, ...cursor } },
            signal,
          }),
        ),
      ),
    [],
    { isLive: true },
  );
}

export interface AssignmentFilter {
  readonly course_id?: string;
  readonly status?: string;
  readonly q?: string;
  readonly due_after?: string;
  readonly due_before?: string;
}

/** Load all assignments that a filter selects; statuses follow the clock, so once a minute again. */
export function useAssignments(filter: AssignmentFilter): Loaded<Assignment[]> {
  return useLoaded(
    (signal) =>
      collect(
        allItems((cursor) =>
          api.GET("/api/v1/canvas/assignments", {
            params: { query: { limit: LIMIT, ...filter, ...cursor } },
            signal,
          }),
        ),
      ),
    [JSON.stringify(filter)],
    { isLive: true, isKept: true, everySeconds: 60 },
  );
}

/** Load the whole grade history of a course, oldest first. */
export function useCourseHistory(courseId: string): Loaded<GradeChange[]> {
  return useLoaded(
    (signal) =>
      collect(
        allItems((cursor) =>
          api.GET("/api/v1/canvas/grades/history", {
            params: { query: { course_id: courseId, limit: LIMIT, ...cursor } },
            signal,
          }),
        ),
      ),
    [courseId],
    { isLive: true },
  );
}

const MAX_CHANGES = 2000;

/** Load the changes of course totals among the newest changes. */
export function useTotalChanges(): Loaded<GradeChange[]> {
  return useLoaded(
    async (signal) => {
      const newest = await collect(
        allItems((cursor) =>
          api.GET("/api/v1/canvas/grades/history", {
            params: { query: { sort: "-changed_at", limit: LIMIT, ...cursor } },
            signal,
          }),
        ),
        MAX_CHANGES,
      );
      return newest.filter(({ subject }) => subject === "course");
    },
    [],
    { isLive: true },
  );
}

async function collect<T>(items: AsyncIterable<T>, most = Infinity): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) if (collected.push(item) >= most) break;
  return collected;
}
