// Checks the pure functions of the student's screens; the zone is Europe/Berlin.
import assert from "node:assert/strict";
import { test } from "node:test";
import { dueTimeOf } from "../../../interfaces/console/src/desk/local-input.ts";
import { selectAssignments } from "../../../interfaces/console/src/student/assignment-selection.ts";
import { differenceOf, mostChanged, trendOf } from "../../../interfaces/console/src/student/trend.ts";
import { scoreFault, scoresOf } from "../../../interfaces/console/src/student/what-if-scores.ts";
import { groupByWeek, startOfWeek } from "../../../interfaces/console/src/student/weeks.ts";
import {
  courseStateText,
  differenceText,
  localTimes,
  scoreText,
  viewText,
} from "../../../interfaces/console/src/student/words.ts";

const NOW = Date.parse("2026-11-27T12:00:00Z"); // a Friday
const MONDAY = 1;
const SUNDAY = 7;
const due = (name, due_at) => ({ name, due_at });

test("a week begins at midnight of the reader's zone, also when the clocks change", () => {
  const inSummer = Date.parse("2026-10-25T12:00:00Z"); // the clocks go back on this Sunday
  assert.equal(new Date(startOfWeek(inSummer, MONDAY)).toISOString(), "2026-10-18T22:00:00.000Z");
  assert.equal(new Date(startOfWeek(inSummer, MONDAY, 1)).toISOString(), "2026-10-25T23:00:00.000Z");
  assert.equal(new Date(startOfWeek(NOW, SUNDAY)).toISOString(), "2026-11-21T23:00:00.000Z");
});

test("assignments are grouped by week, the past newest first", () => {
  const items = [
    due("old", "2026-10-01T10:00:00Z"),
    due("last week", "2026-11-22T22:59:59Z"),
    due("monday", "2026-11-22T23:00:00Z"),
    due("sunday", "2026-11-29T22:59:59Z"),
    due("next", "2026-12-01T10:00:00Z"),
    due("later", "2026-12-07T10:00:00Z"),
    due("never", null),
  ];
  const periods = groupByWeek(items, NOW, MONDAY).map(({ name, weeks, count }) => [
    name,
    count,
    weeks.map((week) => week.items.map((item) => item.name)),
  ]);
  assert.deepEqual(periods, [
    ["this", 2, [["monday", "sunday"]]],
    ["next", 1, [["next"]]],
    ["later", 1, [["later"]]],
    ["undated", 1, [["never"]]],
    ["past", 2, [["last week"], ["old"]]],
  ]);
});

const change = (changed_at, score, previous, assignment_id = null) => ({
  changed_at,
  course_id: "c",
  assignment_id,
  subject: assignment_id ? "assignment" : "course",
  previous: previous === undefined ? null : { score: previous, grade: null },
  current: score === null ? null : { score, grade: null },
});

test("a trend has the changes of its subject in order, and ends now", () => {
  const changes = [
    change("2026-11-03T00:00:00Z", 91.25, 90),
    change("2026-11-01T00:00:00Z", 90),
    change("2026-11-02T00:00:00Z", 5, undefined, "a"),
  ];
  const { points, difference } = trendOf(changes, { courseId: "c", assignmentId: null }, NOW);
  assert.deepEqual(
    points.map(({ score }) => score),
    [90, 91.25, 91.25],
  );
  assert.equal(points.at(-1).time, NOW / 1000);
  assert.equal(difference, 1.25);
  assert.equal(trendOf(changes, { courseId: "c", assignmentId: "a" }, NOW).difference, null);
});

test("a difference needs two numbers", () => {
  assert.equal(differenceOf(change("2026-11-01T00:00:00Z", 9.5, 9)), 0.5);
  assert.equal(differenceOf(change("2026-11-01T00:00:00Z", 9.5)), null);
  assert.equal(differenceOf(change("2026-11-01T00:00:00Z", null, 9)), null);
});

test("grades that have changed are those with several values", () => {
  const changes = [1, 2, 3].map((day) => change(`2026-11-0${day}T00:00:00Z`, day, 0, day < 3 ? "a" : "b"));
  assert.deepEqual(
    mostChanged(changes, 2).map((group) => group.map(({ assignment_id }) => assignment_id)),
    [["a", "a"]],
  );
});

test("a what-if sends only what differs from the real scores", () => {
  const assignments = [
    { id: "same", submission: { score: 9 } },
    { id: "other", submission: { score: 9 } },
    { id: "empty", submission: { score: 9 } },
    { id: "unknown", submission: null },
    { id: "wrong", submission: null },
    { id: "untouched", submission: { score: 1 } },
  ];
  const entries = { same: "9", other: "9.5", empty: " ", unknown: "", wrong: "x" };
  assert.deepEqual(scoresOf(entries, assignments), { other: 9.5, empty: null });
});

test("a what-if leaves out scores below 0, with a reason", () => {
  assert.deepEqual(scoresOf({ a: "-1" }, [{ id: "a", submission: { score: 9 } }]), {});
  assert.match(scoreFault("-0.5"), /0 or more/);
  assert.match(scoreFault("x"), /as a number/);
  assert.deepEqual(["", "0", "9.5"].map(scoreFault), [undefined, undefined, undefined]);
});

test("the list of assignments has those of current courses, unless others are chosen", () => {
  const courses = [
    { id: "now", state: "active" },
    { id: "old", state: "concluded" },
  ];
  const items = [
    { course_id: "now", due_at: "2026-11-27T12:00:00Z" },
    { course_id: "now", due_at: "2026-12-04T12:00:00Z" },
    { course_id: "now", due_at: "2026-12-04T12:00:01Z" },
    { course_id: "now", due_at: null },
    { course_id: "old", due_at: "2026-11-28T12:00:00Z" },
  ];
  const select = (selection) => {
    const all = { courseId: "", withEnded: false, isDueSoon: false, ...selection };
    return selectAssignments(items, courses, all, NOW).map((item) => items.indexOf(item));
  };
  assert.deepEqual(select({}), [0, 1, 2, 3]);
  assert.deepEqual(select({ withEnded: true }), [0, 1, 2, 3, 4]);
  assert.deepEqual(select({ courseId: "old" }), [0, 1, 2, 3, 4]); // the API returns those of this course only
  assert.deepEqual(select({ isDueSoon: true }), [1]);
});

test("a course is called by the role of a person who does not learn in it", () => {
  assert.equal(courseStateText({ state: "active", role: "student" }), "Current");
  assert.equal(courseStateText({ state: "active", role: "ta" }), "As teaching assistant");
});

test("a due date of the desk is between 2000 and 2100", () => {
  assert.equal(dueTimeOf("2026-12-01T23:59"), "2026-12-01T22:59:00.000Z");
  for (const text of ["0001-01-01T00:00", "1999-12-31T23:59", "9999-12-31T23:59"]) {
    assert.throws(() => dueTimeOf(text), { message: "Enter a date from 2000 to 2100." });
  }
  assert.throws(() => dueTimeOf(""), /Enter a date and a time/);
});

test("scores, differences, views and times are written for people", () => {
  assert.equal(scoreText({ score: 9.5, grade: "A" }), "9.5 (A)");
  assert.equal(scoreText({ score: 9.5, grade: "9.5" }), "9.5");
  assert.equal(scoreText({ score: null, grade: "pass" }), "pass");
  assert.equal(differenceText(-0.5), "−0.5");
  assert.equal(viewText("state version=3"), "The recorded state (version 3)");
  assert.equal(viewText(null), "Your history");
  assert.match(viewText("view as_of=2026-11-27 19:04:59+00:00"), /^What you saw \(at .*20:04:59.*|8:04:59.*\)$/);
  assert.match(viewText("diff from=2026-11-27T19:04:59Z"), /^What changed between two moments \(from .*8:04:59/);
  assert.match(localTimes("locked until 2026-12-01T06:59:59Z."), /^locked until .*7:59.*\.$/);
});
