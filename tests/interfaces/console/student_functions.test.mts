// Checks the pure functions of the student's screens; the zone is Europe/Berlin.
import assert from "node:assert/strict";
import { test } from "node:test";
import { differenceOf, mostChanged, trendOf } from "../../../interfaces/console/src/student/trend.ts";
import { scoresOf } from "../../../interfaces/console/src/student/what-if-scores.ts";
import { groupByWeek, startOfWeek } from "../../../interfaces/console/src/student/weeks.ts";
import { differenceText, localTimes, scoreText, viewText } from "../../../interfaces/console/src/student/words.ts";

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

test("scores, differences, views and times are written for people", () => {
  assert.equal(scoreText({ score: 9.5, grade: "A" }), "9.5 (A)");
  assert.equal(scoreText({ score: 9.5, grade: "9.5" }), "9.5");
  assert.equal(scoreText({ score: null, grade: "pass" }), "pass");
  assert.equal(differenceText(-0.5), "−0.5");
  assert.equal(viewText("state version=3"), "The recorded state (version: 3)");
  assert.match(localTimes("locked until 2026-12-01T06:59:59Z."), /^locked until .*7:59.*\.$/);
});
