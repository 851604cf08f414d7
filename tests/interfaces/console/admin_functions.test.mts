// The functions of the admin's screens that add up the schedule and split the runbook.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { inStepOf, isInStep } from "../../../interfaces/console/src/admin/in-step.ts";
import { blocksOf, paragraphsOf, spansOf } from "../../../interfaces/console/src/admin/markdown-parts.ts";
import { everyHour, nightOf, sumsBy, total } from "../../../interfaces/console/src/admin/schedule-sums.ts";

const NOW = Date.parse("2026-11-27T14:25:00Z");

function due(hour: string, host: string, number: number, expected: number, heldUntil: string | null = null) {
  return {
    hour: `2026-11-${hour}:00:00Z`,
    canvas_url: `https://${host}`,
    host,
    due: number,
    overdue: 0,
    expected_syncs: expected,
    held_until: heldUntil,
  };
}

const ROWS = [
  due("27T14", "one.example", 2, 2),
  due("27T14", "two.example", 1, 1, "2026-11-27T14:40:00Z"),
  due("27T21", "one.example", 0, 4),
];

test("rows are added up by host", () => {
  const sums = sumsBy(ROWS, ({ host }) => host);
  assert.deepEqual(
    sums.map(({ key, due: number, expected }) => [key, number, expected]),
    [
      ["one.example", 2, 6],
      ["two.example", 1, 1],
    ],
  );
  assert.equal(sums[1]?.heldUntil, "2026-11-27T14:40:00Z");
});

test("there are 24 hours from the present one on, also those without anything due", () => {
  const hours = everyHour(ROWS, NOW);
  assert.equal(hours.length, 24);
  assert.deepEqual(
    hours.slice(0, 2).map(({ expected }) => expected),
    [3, 0],
  );
  assert.equal(hours[7]?.expected, 4);
  assert.equal(total(hours, "due"), 3);
});

test("an hour after the 24th is not lost", () => {
  const hours = everyHour([...ROWS, due("28T14", "one.example", 5, 5)], NOW);
  assert.equal(hours.length, 25);
  assert.equal(hours.at(-1)?.due, 5);
});

test("the night is that of the reader's zone", () => {
  assert.equal(process.env["TZ"], "Asia/Kolkata");
  const hours = nightOf(everyHour(ROWS, NOW)).map(({ key }) =>
    new Date(Number(key)).toISOString().slice(11, 16),
  );
  // 20:00 in Kolkata is 14:30 UTC, and 6:00 is 0:30 UTC.
  assert.deepEqual([hours[0], hours.at(-1), hours.length], ["15:00", "00:00", 10]);
});

test("each heading of the runbook is a paragraph with its anchor and its text", async () => {
  const file = new URL("../../../docs/operations.md", import.meta.url);
  const found = paragraphsOf(await readFile(file, "utf8"));
  const host = found.find(({ anchor }) => anchor === "a-canvas-host-does-not-answer");
  assert.equal(host?.title, "A Canvas host does not answer");
  assert.match(host?.text ?? "", /circuit breaker/u);
  assert.equal(new Set(found.map(({ anchor }) => anchor)).size, found.length);
});

test("a text is split into lines, lists and commands", () => {
  const text = "First.\nSecond.\n\n- one\n- two\n\n```sh\neaseboard status\n```\n\n| a | b |\n| - | - |";
  assert.deepEqual(blocksOf(text), [
    { kind: "text", text: "First." },
    { kind: "text", text: "Second." },
    { kind: "list", items: ["one", "two"] },
    { kind: "code", text: "easeboard status" },
    { kind: "code", text: "| a | b |\n| - | - |" },
  ]);
});

test("a line is split into plain text, code and links", () => {
  assert.deepEqual(spansOf("Run `easeboard status`, see [Restore](#restore)."), [
    { kind: "plain", text: "Run " },
    { kind: "code", text: "easeboard status" },
    { kind: "plain", text: ", see " },
    { kind: "link", text: "Restore", target: "#restore" },
    { kind: "plain", text: "." },
  ]);
});

test("a read model that is paused or fails is not in step", () => {
  assert.ok(isInStep({ state: "live", lag_events: 0 }));
  assert.ok(!isInStep({ state: "paused", lag_events: 0 }));
  assert.ok(!isInStep({ state: "failing", lag_events: 0 }));
  assert.ok(!isInStep({ state: "live", lag_events: 1 }));
});

test("a read model that is paused and behind is counted once", () => {
  const read_models = { total: 7, behind: 3, failing: 1, paused: 1, dead_letters: 0 };
  const late = { kind: "read-model-behind", count: 1 };
  assert.equal(inStepOf({ read_models, findings: [late] }), 4);
  assert.equal(inStepOf({ read_models: { ...read_models, failing: 0, behind: 0 }, findings: [] }), 6);
});
