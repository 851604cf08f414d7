// Which of the loaded assignments the list shows: those of which courses, and due when.
import type { Assignment, Course } from "../types.ts";

const DAY_MS = 86_400_000;

/** How far "due soon" reaches: as the figure of the overview counts. */
export const SOON_DAYS = 7;

export interface Selection {
  /** The chosen course, which may have ended; empty for all. */
  readonly courseId: string;
  /** Whether assignments of courses that are not current are shown too. */
  readonly withEnded: boolean;
  /** Whether only what is due in the next days is shown. */
  readonly isDueSoon: boolean;
}

/** Return the assignments that a selection shows; `now` is in milliseconds since 1970. */
export function selectAssignments<T extends Pick<Assignment, "course_id" | "due_at">>(
  assignments: readonly T[],
  courses: readonly Pick<Course, "id" | "state">[],
  { courseId, withEnded, isDueSoon }: Selection,
  now: number,
): T[] {
  const current = new Set(courses.filter(({ state }) => state === "active").map(({ id }) => id));
  return assignments.filter(
    ({ course_id, due_at }) =>
      (withEnded || course_id === courseId || current.has(course_id)) &&
      (!isDueSoon || isWithinDays(due_at, now)),
  );
}

function isWithinDays(time: string | null, now: number): boolean {
  if (time === null) return false;
  const due = Date.parse(time);
  return due > now && due <= now + SOON_DAYS * DAY_MS;
}
