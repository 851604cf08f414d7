// The functions of the auditor's screens that arrange events and moments.
import assert from "node:assert/strict";
import test from "node:test";
import { orderForMoment } from "../../../interfaces/console/src/auditor/assignment-order.ts";
import type { AuditedEvent } from "../../../interfaces/console/src/auditor/audit-types.ts";
import { causesOf, mergeEvents } from "../../../interfaces/console/src/auditor/causes.ts";
import {
  CHANGE_TYPES,
  changeAt,
  changesOf,
  marksOf,
  nearestChange,
  nextChange,
  previousChange,
  timeOf,
} from "../../../interfaces/console/src/auditor/changes.ts";
import { countFirstReading, foldEvents, isFold } from "../../../interfaces/console/src/auditor/event-folding.ts";
import {
  fromLocalField,
  hasInvalidMoment,
  isFuture,
  justBefore,
  momentOf,
  toLocalField,
} from "../../../interfaces/console/src/auditor/moments.ts";
import { readingText } from "../../../interfaces/console/src/auditor/reading-text.ts";
import { hasWords, localSentence } from "../../../interfaces/console/src/auditor/sentences.ts";

let count = 0;

function event(
  type: string,
  second: number,
  payload: Record<string, unknown> = {},
  cause?: AuditedEvent,
): AuditedEvent {
  count += 1;
  return {
    position: count,
    event_id: `event ${count}`,
    stream: "sync",
    version: count,
    type,
    recorded_at: `2026-05-03T10:00:${String(second).padStart(2, "0")}.123456Z`,
    actor: "worker",
    correlation_id: `request of ${String(payload["sync_id"])}`,
    causation_id: cause?.event_id ?? null,
    payload,
    sentence: `${type} ${second}`,
    seal: null,
  };
}

const opened = event("ConnectionOpened", 1);
const requested = event("SyncRequested", 1, { sync_id: "a", trigger: "setup" }, opened);
const first = {
  sync_id: "a",
  course: { canvas_id: "7" },
  assignments: [{ canvas_id: "1" }, { canvas_id: "2" }],
};
const fetched = event("CourseFetched", 2, first, requested);
const baseline = event("GradeChanged", 2, { sync_id: "a", baseline: true, subject: "assignment" }, fetched);
const total = event("GradeChanged", 3, { sync_id: "a", baseline: true, subject: "course" }, fetched);
const again = event("CourseFetched", 9, { ...first, sync_id: "b" });
const grade = event("GradeChanged", 10, { sync_id: "b", baseline: false, subject: "assignment" }, again);
const history = [opened, requested, fetched, baseline, total, again, grade];
const changes = changesOf([...history].reverse().filter(({ type }) => CHANGE_TYPES.includes(type)));

test("a change has the events of one run, and the time of the last one", () => {
  assert.deepEqual(
    changes.map(({ at, events, isFirstReading }) => [at, events.length, isFirstReading]),
    [
      [opened.recorded_at, 1, false],
      [total.recorded_at, 3, true],
      [grade.recorded_at, 2, false],
    ],
  );
});

test("events of an erased person are grouped by their request", () => {
  const erased = history.slice(2, 5).map((each) => ({ ...each, payload: { redacted: true } }));
  assert.equal(changesOf(erased).length, 1);
});

test("steps lead from change to change", () => {
  const [one, two, three] = changes;
  assert.equal(changeAt(changes, timeOf(total.recorded_at)), two);
  assert.equal(previousChange(changes, timeOf(total.recorded_at)), one);
  assert.equal(nextChange(changes, timeOf(total.recorded_at)), three);
  assert.equal(nextChange(changes, timeOf(grade.recorded_at)), undefined);
  assert.equal(changeAt(changes, timeOf(opened.recorded_at) - 1), undefined);
});

test("a released slider moves to a change within reach only", () => {
  const time = timeOf(total.recorded_at) + 400;
  assert.equal(nearestChange(changes, time, 500), changes[1]);
  assert.equal(nearestChange(changes, time, 300), undefined);
  assert.equal(nearestChange(changes, timeOf(grade.recorded_at) - 400, 500), changes[2]);
});

test("marks that are close together become one", () => {
  const [start, end] = [timeOf(opened.recorded_at), timeOf(grade.recorded_at)];
  assert.deepEqual(
    marksOf(changes, [start, end], 9).map(({ place }) => place),
    [0, 2 / 9, 1],
  );
  assert.deepEqual(marksOf(changes, [start, end], 1), [
    { place: 0, count: 2 },
    { place: 1, count: 1 },
  ]);
  assert.deepEqual(marksOf(changes, [end, end], 1), [{ place: 0, count: 3 }]);
});

test("the first reading is one line where its first event is, in either order", () => {
  const kinds = (events: AuditedEvent[]) =>
    foldEvents(events).map((line) => (isFold(line) ? `${line.kind} ${line.events.length}` : line.type));
  const shown = ["ConnectionOpened", "SyncRequested", "first-reading 3", "CourseFetched", "GradeChanged"];
  assert.deepEqual(kinds(history), shown);
  assert.deepEqual(kinds([...history].reverse()), [...shown].reverse());
  assert.deepEqual(kinds([baseline, grade]), ["GradeChanged", "GradeChanged"]);
});

test("a first reading is counted", () => {
  assert.deepEqual(countFirstReading([fetched, baseline, total]), {
    courses: 1,
    assignments: 2,
    grades: 1,
    totals: 1,
  });
});

test("three readings in a row become one line, fewer do not", () => {
  const readings = [20, 21, 22].map((second) => event("HistoryRead", second));
  const lines = foldEvents([...readings, grade, ...readings.slice(0, 2)]);
  assert.deepEqual(
    lines.map((line) => (isFold(line) ? line.events.length : line.type)),
    [3, "GradeChanged", "HistoryRead", "HistoryRead"],
  );
});

test("the causes of an event go back to its request", () => {
  const found = causesOf(baseline, history);
  assert.deepEqual(found.path, [opened, requested, fetched, baseline]);
  assert.equal(found.isComplete, true);
  assert.deepEqual(causesOf(fetched, history).effects, [baseline, total]);
});

test("causes that are not loaded are reported, and loaded ones are added once", () => {
  const missing = causesOf(baseline, [baseline]);
  assert.deepEqual([missing.path, missing.isComplete], [[baseline], false]);
  const known = mergeEvents([baseline], [baseline, fetched, requested, opened]);
  assert.equal(known.length, 4);
  assert.equal(causesOf(baseline, known).isComplete, true);
});

test("events that name each other as cause do not loop", () => {
  const one = { ...fetched, causation_id: baseline.event_id };
  assert.deepEqual(causesOf(baseline, [one, baseline]).path, [one, baseline]);
});

test("moments pass through fields without a shift", () => {
  const time = "2026-05-03T10:00:02.000Z";
  assert.equal(fromLocalField(toLocalField(time)), time);
  assert.deepEqual([toLocalField(undefined), toLocalField("x")], ["", ""]);
  assert.deepEqual([fromLocalField(""), fromLocalField("x")], [undefined, undefined]);
  assert.deepEqual([momentOf("yesterday"), momentOf(null), momentOf(time)], [undefined, undefined, time]);
  assert.equal(justBefore(fetched.recorded_at), "2026-05-03T10:00:02.122Z");
});

test("a moment of an address is RFC 3339 or a day of the calendar", () => {
  for (const time of ["2026-05-03T10:00:02.123456Z", "2026-05-03t10:00:02z", "2024-02-29T23:59:59-07:30"]) {
    assert.equal(momentOf(time), time);
  }
  assert.equal(momentOf("2024-02-29"), "2024-02-29T00:00:00Z");
  const wrong = ["garbage", "1", "20", "999999", "2026-02-30", "2026-02-30T00:00:00Z", "2025-02-29"];
  const clocks = ["2026-05-03T10:00", "2026-05-03 10:00:02Z", "2026-05-03T10:00:02", "2026-05-03T24:00:00Z"];
  for (const text of [...wrong, ...clocks, "0000-01-01", "2026-13-01", "+012026-05-03"]) {
    assert.equal(momentOf(text), undefined, text);
  }
});

test("an address with something else than a moment is invalid, one without a moment is not", () => {
  const isInvalid = (query: string) => hasInvalidMoment(new URLSearchParams(query), ["as_of", "from"]);
  assert.deepEqual(["as_of=20", "as_of=2026-05-03&from=x"].map(isInvalid), [true, true]);
  assert.deepEqual(["", "as_of=", "as_of=2026-05-03", "q=x"].map(isInvalid), [false, false, false, false]);
});

test("a moment after the present one is in the future", () => {
  const now = Date.parse("2026-05-03T10:00:00Z");
  const moments = [undefined, "2026-05-03T10:00:00Z", "2026-05-03T10:00:00.001Z", "2026-05-03T12:00:00+02:00"];
  assert.deepEqual(
    moments.map((moment) => isFuture(moment, now)),
    [false, false, true, false],
  );
});

test("times in sentences are those of the reader", () => {
  const text = localSentence("It moved from 2026-05-03 10:00:02 UTC to none.");
  assert.doesNotMatch(text, /UTC/);
  assert.match(text, /2026/);
  assert.equal(localSentence("Room 2026-99-99 10:00:00 UTC"), "Room 2026-99-99 10:00:00 UTC");
});

test("a search finds words in any order", () => {
  assert.equal(hasWords("Grade of “Quiz 2” in “Physics”", "physics QUIZ"), true);
  assert.equal(hasWords("Grade of “Quiz 2” in “Physics”", "physics essay"), false);
  assert.equal(hasWords("anything", "  "), true);
});

test("what is due next comes first", () => {
  const dues = ["2026-05-01", null, "2026-05-09", "2026-05-04", "2026-05-02"].map((due_at) => ({ due_at }));
  assert.deepEqual(
    orderForMoment(dues, Date.UTC(2026, 4, 3)).map(({ due_at }) => due_at),
    ["2026-05-04", "2026-05-09", "2026-05-02", "2026-05-01", null],
  );
});

test("what was read is written in plain words", () => {
  assert.equal(readingText(null), "The history");
  assert.equal(readingText("export"), "The whole history, as a file");
  assert.match(readingText("view as_of=2026-05-03 10:00:02+00:00"), /^What the student saw \(at .*2026.*\)$/);
  assert.equal(readingText(`events type=${[...CHANGE_TYPES].sort().join(",")}`), "All changes");
  assert.equal(readingText("events type=GradeChanged"), "The events (only GradeChanged)");
});
