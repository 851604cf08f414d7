// The functions of the whole console: addresses, loads, problems, dates and charts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { axisSize } from "../../../interfaces/console/src/components/axis-size.ts";
import { englishOf, formatDate, formatNumber, formatRelative } from "../../../interfaces/console/src/format.ts";
import { ownOf, routeOf } from "../../../interfaces/console/src/fragment.ts";
import { begun, failed, NOTHING_LOADED, succeeded } from "../../../interfaces/console/src/load-state.ts";
import { foreignProblemOf, isErased, isNoAnswer } from "../../../interfaces/console/src/problems.ts";
import { staleAccountOf } from "../../../interfaces/console/src/student/stale-accounts.ts";

const PROBLEM = foreignProblemOf(new Error("no"), false);
const loadedOf = (key) => succeeded(`data of ${key}`, key, 1000);

test("a failed load of another key leaves no data of the key before", () => {
  const waiting = begun(loadedOf("first"), "second", true);
  assert.equal(waiting.data, "data of first");
  const state = failed(waiting, "second", PROBLEM);
  assert.deepEqual(state, { ...NOTHING_LOADED, key: "second", problem: PROBLEM, isLoading: false });
});

test("a failed load of the same key leaves its data, and when they were loaded", () => {
  const state = failed(begun(loadedOf("first"), "first", false), "first", PROBLEM);
  assert.deepEqual([state.data, state.loadedAt, state.problem], ["data of first", 1000, PROBLEM]);
});

test("a load that fails after a return to its key leaves the data of that key", () => {
  const there = begun(loadedOf("first"), "second", true);
  const back = failed(begun(there, "first", true), "first", PROBLEM);
  assert.equal(back.data, "data of first");
});

test("without being kept, data of another key disappear at once; a problem always does", () => {
  assert.equal(begun(loadedOf("first"), "second", false).data, undefined);
  const waiting = begun(failed(loadedOf("first"), "first", PROBLEM), "second", true);
  assert.equal(waiting.problem, undefined);
});

test("a malformed escape in an address stays as it is", () => {
  assert.deepEqual(routeOf("#/%").path, ["%"]);
  assert.deepEqual(routeOf("#/student/courses/%F0%9F").path, ["student", "courses", "%F0%9F"]);
  assert.deepEqual(routeOf("#/student/a%20b").path, ["student", "a b"]);
  assert.equal(routeOf("#/student?course=1").query.get("course"), "1");
});

test("a name that every object has is not one of a record", () => {
  assert.equal(ownOf({ grades: 1 }, "grades"), 1);
  for (const name of ["constructor", "toString", "__proto__"]) assert.equal(ownOf({ grades: 1 }, name), undefined);
});

test("dates and numbers are English, of the reader's kind if there is one", () => {
  assert.deepEqual(["en", "en-US", "EN-gb"].map(englishOf), ["en", "en-US", "EN-gb"]);
  assert.deepEqual(["ne-NP", "ar-EG", "de", "eng", "", undefined].map(englishOf), Array(6).fill("en-GB"));
  assert.equal(new Intl.DateTimeFormat().resolvedOptions().locale, "de-DE");
  assert.equal(formatDate("2026-11-27T12:00:00Z"), "27 Nov 2026");
  assert.equal(formatNumber(1234.5), "1,234.5");
  assert.equal(formatRelative(0, 240_000), "4 minutes ago");
});

test("a request without a response has the same problem in every browser, and in time", () => {
  const texts = ["Failed to fetch", "NetworkError when attempting to fetch resource.", "Load failed", "network error"];
  const errors = [...texts.map((text) => new TypeError(text)), new DOMException("signal timed out", "TimeoutError")];
  for (const error of errors) {
    const { status, detail } = foreignProblemOf(error, true);
    assert.equal(status, 0);
    assert.equal(detail, "easeboard does not answer. Check your connection; the page tries again.");
  }
  assert.match(foreignProblemOf(errors[0], false).detail, /then try again\.$/u);
  assert.ok(!isNoAnswer(new TypeError("undefined is not a function")));
  assert.equal(foreignProblemOf(new Error("Wrong password"), false).detail, "Wrong password");
});

test("only the problem of an erased person means that the data was erased", () => {
  assert.ok(isErased({ ...PROBLEM, status: 410, type: "/problems/person-erased" }));
  assert.ok(!isErased({ ...PROBLEM, status: 410, type: "about:blank" }));
});

test("the axis of a chart has room for its longest number", () => {
  assert.equal(axisSize(null), axisSize(["10 %"]));
  assert.ok(axisSize(["0 %", "100,000,000 %"]) > axisSize(["100 %"]) + 20);
});

const ACCOUNT = { canvas_name: "School", status: "active", last_synced_at: "2026-11-27T12:00:00Z" };
const syncOf = (status, code) => ({
  status,
  finished_at: "2026-11-27T13:00:00Z",
  error: code ? { code, detail: "The reason." } : null,
});

test("an account whose data are not up to date is named, with the time of its data", () => {
  const data = "The data are of 27 Nov 2026, 12:00.";
  assert.deepEqual(staleAccountOf({ ...ACCOUNT, status: "token_rejected" }, syncOf("failed", "any")), {
    kind: "bad",
    text: `Canvas no longer accepts your token for School. ${data}`,
    isTokenRejected: true,
  });
  assert.equal(
    staleAccountOf(ACCOUNT, syncOf("failed", "canvas-unreachable"))?.text,
    `School did not answer at 27 Nov 2026, 13:00; easeboard tries again. ${data}`,
  );
  assert.equal(
    staleAccountOf(ACCOUNT, syncOf("failed", "canvas-forbidden"))?.text,
    `The last sync of School at 27 Nov 2026, 13:00 failed: The reason. ${data}`,
  );
  assert.equal(staleAccountOf(ACCOUNT, syncOf("partial", "canvas-forbidden"))?.kind, "warn");
});

test("an account is up to date while its newest sync runs or is complete", () => {
  for (const status of ["queued", "running", "completed", "cancelled"]) {
    assert.equal(staleAccountOf(ACCOUNT, syncOf(status)), undefined);
  }
  assert.equal(staleAccountOf(ACCOUNT, null), undefined);
});
