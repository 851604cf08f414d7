// Arranges events for people: what the first sync found is one line, and so are readings in a row.
import type { AuditedEvent } from "./audit-types.ts";

export interface Fold {
  readonly kind: "first-reading" | "readings";
  /** In the order of the list. */
  readonly events: readonly AuditedEvent[];
}

export type EventLine = AuditedEvent | Fold;

const MIN_READINGS = 3;

export const isFold = (line: EventLine): line is Fold => "kind" in line;

/** Return the lines of a list of events; a first reading is where its first event in the list is. */
export function foldEvents(events: readonly AuditedEvent[]): EventLine[] {
  const firstRuns = firstRunsOf(events);
  const ofFirstReading = events.filter((event) => isOfFirstReading(event, firstRuns));
  const first = ofFirstReading.length > 1 ? ofFirstReading[0] : undefined;
  const lines: EventLine[] = [];
  for (const event of events) {
    if (event === first) lines.push({ kind: "first-reading", events: ofFirstReading });
    else if (!first || !isOfFirstReading(event, firstRuns)) lines.push(event);
  }
  return foldReadings(lines);
}

/** Return the ids of the runs that read for the first time: their grades are no news. */
function firstRunsOf(events: readonly AuditedEvent[]): Set<unknown> {
  const ofFirstRuns = events.filter(
    ({ type, payload }) =>
      (type === "GradeChanged" && payload["baseline"] === true) ||
      (type === "SyncRequested" && payload["trigger"] === "setup"),
  );
  return new Set(ofFirstRuns.map(({ payload }) => payload["sync_id"]));
}

function isOfFirstReading({ type, payload }: AuditedEvent, firstRuns: ReadonlySet<unknown>): boolean {
  if (type === "GradeChanged") return payload["baseline"] === true;
  return type === "CourseFetched" && firstRuns.has(payload["sync_id"]);
}

function foldReadings(lines: readonly EventLine[]): EventLine[] {
  const folded: EventLine[] = [];
  for (let at = 0; at < lines.length;) {
    let end = at;
    while (isReading(lines[end])) end += 1;
    const group = lines.slice(at, end) as AuditedEvent[];
    if (group.length >= MIN_READINGS) folded.push({ kind: "readings", events: group });
    else folded.push(...lines.slice(at, Math.max(end, at + 1)));
    at = Math.max(end, at + 1);
  }
  return folded;
}

function isReading(line: EventLine | undefined): boolean {
  return line !== undefined && !isFold(line) && line.type === "HistoryRead";
}

/** Count what a first reading found: courses, assignments, grades of assignments, course totals. */
export function countFirstReading(events: readonly AuditedEvent[]): {
  courses: number;
  assignments: number;
  grades: number;
  totals: number;
} {
  const fetched = events.filter(({ type }) => type === "CourseFetched");
  const graded = events.filter(({ type }) => type === "GradeChanged");
  const totals = graded.filter(({ payload }) => payload["subject"] === "course").length;
  return {
    courses: new Set(fetched.map(({ payload }) => idOf(payload["course"]))).size,
    assignments: new Set(fetched.flatMap(({ payload }) => listOf(payload["assignments"]).map(idOf))).size,
    grades: graded.length - totals,
    totals,
  };
}

const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

function idOf(value: unknown): unknown {
  return typeof value === "object" && value !== null && "canvas_id" in value ? value.canvas_id : value;
}
