// The words in which the student's screens name statuses, syncs and readings.
import { readingText, type ViewWords } from "../auditor/reading-text.ts";
import type { BadgeKind } from "../components/text.tsx";
import { formatDateTime, formatNumber, formatScore } from "../format.ts";
import type { Assignment, Course, Schemas, Sync } from "../types.ts";
import type { PeriodName } from "./weeks.ts";

type Named = readonly [text: string, kind: BadgeKind];

export const STATUS_TEXTS: Readonly<Record<Assignment["status"], Named>> = {
  upcoming: ["Upcoming", "info"],
  overdue: ["Overdue", "bad"],
  past: ["Past", "plain"],
  missing: ["Missing", "bad"],
  submitted: ["Submitted", "info"],
  graded: ["Graded", "good"],
  excused: ["Excused", "plain"],
  undated: ["No due date", "plain"],
};

export const SYNC_TEXTS: Readonly<Record<Sync["status"], Named>> = {
  queued: ["Waiting to start", "info"],
  running: ["Running", "info"],
  completed: ["Completed", "good"],
  partial: ["Some courses failed", "warn"],
  failed: ["Failed", "bad"],
  cancelled: ["Cancelled", "plain"],
};

export const TRIGGER_TEXTS: Readonly<Record<Sync["trigger"], string>> = {
  setup: "First sync",
  manual: "Requested",
  schedule: "Scheduled",
};

const COURSE_STATE_TEXTS: Readonly<Record<Schemas["CourseState"], string>> = {
  active: "Current",
  concluded: "Ended",
  restricted: "Not open in Canvas",
  withdrawn: "No longer in Canvas",
};

const ROLE_TEXTS: Readonly<Record<Exclude<Course["role"], "student">, string>> = {
  ta: "As teaching assistant",
  teacher: "As teacher",
  designer: "As designer",
  observer: "As observer",
};

/** Write the state of a course; of one in which the person does not learn, their role in it. */
export const courseStateText = ({ state, role }: Pick<Course, "state" | "role">): string =>
  role === "student" ? COURSE_STATE_TEXTS[state] : ROLE_TEXTS[role];

export const PERIOD_TITLES: Readonly<Record<PeriodName, string>> = {
  this: "This week",
  next: "Next week",
  later: "Later",
  undated: "Without a due date",
  past: "Past",
};

/** Write a score with its grade, for example "9.5 (A)"; `unit` follows the number. */
export function scoreText(score: Schemas["Score"] | null, unit = ""): string {
  if (!score) return "–";
  if (score.score === null) return score.grade ?? "–";
  const number = `${formatNumber(score.score)}${unit}`;
  return score.grade && score.grade !== String(score.score) && !isSameNumber(score)
    ? `${number} (${score.grade})`
    : number;
}

const isSameNumber = ({ score, grade }: Schemas["Score"]): boolean =>
  grade !== null && Number.parseFloat(grade) === score;

/** Write a difference with its sign, for example "+0.5". */
export function differenceText(difference: number | null, unit = ""): string {
  if (difference === null) return "–";
  const sign = difference > 0 ? "+" : difference < 0 ? "−" : "±";
  return `${sign}${formatNumber(Math.abs(difference))}${unit}`;
}

/** Write points, for example "9.5 of 10 points". */
export function pointsText(score: number | null | undefined, possible: number | null): string {
  if (score === null || score === undefined) {
    return possible === null ? "" : `${formatNumber(possible)} points`;
  }
  return possible === null
    ? `${formatScore(score)} points`
    : `${formatNumber(score)} of ${formatNumber(possible)} points`;
}

const OWN_VIEWS: ViewWords = {
  "": "Your history",
  view: "What you saw",
  diff: "What changed between two moments",
  events: "The recorded events",
  history: "The recorded events",
  state: "The recorded state",
  export: "A copy of the whole history",
  proof: "The proof of one event",
  connections: "The list of your Canvas accounts",
  readings: "Who had looked before",
};

/** Write what was read about the person, for example "What you saw (at 3 May 2026, 12:00:00)". */
export const viewText = (what: string | null): string => readingText(what, OWN_VIEWS);

/** Write who read: the id of a user, or an account of the server. */
export function readerText(reader: string): string {
  return reader.startsWith("cli:") ? `An operator on the server (${reader.slice(4)})` : reader;
}

/** Return the name of a course; Canvas shows only the id of one that is not open. */
export const courseName = ({ name, canvas_id }: Course): string => name ?? `Course ${canvas_id}`;

const ISO_TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(\.\d+)?Z/g;

/** Write times within a text of Canvas, such as "locked until 2026-12-01T06:59:59Z", for the reader. */
export const localTimes = (text: string | null): string =>
  (text ?? "").replace(ISO_TIME, (time) => formatDateTime(time));
