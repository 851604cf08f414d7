// How a score has developed, worked out from the history of its changes.
import type { GradeChange } from "../types.ts";
import { groupBy } from "./group-by.ts";

export interface Point {
  /** Seconds since 1970. */
  readonly time: number;
  readonly score: number | null;
}

export interface Trend {
  /** Ascending by time; the last one is the present value. */
  readonly points: readonly Point[];
  /** Present score minus the first known one; null if there are fewer than two. */
  readonly difference: number | null;
}

/** Whose scores a line shows: the total of a course, or an assignment. */
export interface Subject {
  readonly courseId: string;
  /** Null: the total of the course. */
  readonly assignmentId: string | null;
}

/** Return the trend of one subject; the changes may be in any order. `now` ends the line. */
export function trendOf(
  changes: readonly GradeChange[],
  { courseId, assignmentId }: Subject,
  now: number,
): Trend {
  const own = changes
    .filter((change) => change.course_id === courseId && change.assignment_id === assignmentId)
    .toSorted((one, other) => one.changed_at.localeCompare(other.changed_at));
  const points = own.map(
    ({ changed_at, current }): Point => ({
      time: Math.floor(Date.parse(changed_at) / 1000),
      score: current?.score ?? null,
    }),
  );
  const known = points.flatMap(({ score }) => (score === null ? [] : [score]));
  const [first] = known;
  const last = known.at(-1);
  const difference =
    known.length > 1 && first !== undefined && last !== undefined ? round(last - first) : null;
  return { points: withPresent(points, now), difference };
}

function withPresent(points: readonly Point[], now: number): readonly Point[] {
  const last = points.at(-1);
  const time = Math.floor(now / 1000);
  return last && last.time < time ? [...points, { time, score: last.score }] : points;
}

/** Return by how much the score of a change differs; null if one of the two is not a number. */
export function differenceOf({ previous, current }: GradeChange): number | null {
  if (typeof previous?.score !== "number" || typeof current?.score !== "number") return null;
  return round(current.score - previous.score);
}

/** Return the assignments that have at least `least` changes, the most changed first. */
export function mostChanged(changes: readonly GradeChange[], least: number): GradeChange[][] {
  const own = changes.filter(({ assignment_id }) => assignment_id !== null);
  return [...groupBy(own, ({ assignment_id }) => assignment_id).values()]
    .filter((group) => group.length >= least)
    .toSorted((one, other) => other.length - one.length);
}

const round = (value: number): number => Math.round(value * 100) / 100;
