// Adds up what is due, by hour and by host.
import type { ScheduledHour } from "./shapes.ts";

export interface Sum {
  /** The hour as a time, or the host. */
  readonly key: string;
  readonly due: number;
  readonly overdue: number;
  readonly expected: number;
  /** Until when the circuit breaker of the host holds its runs back. */
  readonly heldUntil: string | null;
}

/** Add up rows with the same key, in the order in which the keys first appear. */
export function sumsBy(rows: readonly ScheduledHour[], keyOf: (row: ScheduledHour) => string): Sum[] {
  const sums = new Map<string, Sum>();
  for (const row of rows) {
    const key = keyOf(row);
    const old = sums.get(key) ?? { key, due: 0, overdue: 0, expected: 0, heldUntil: null };
    sums.set(key, {
      key,
      due: old.due + row.due,
      overdue: old.overdue + row.overdue,
      expected: old.expected + row.expected_syncs,
      heldUntil: row.held_until ?? old.heldUntil,
    });
  }
  return [...sums.values()];
}

const HOUR_MS = 3_600_000;

/** Return the sums of all hours of a day from the first one on, also of those with nothing due. */
export function everyHour(rows: readonly ScheduledHour[], now: number): Sum[] {
  const sums = new Map(sumsBy(rows, ({ hour }) => String(Date.parse(hour))).map((sum) => [sum.key, sum]));
  const first = Math.floor(now / HOUR_MS) * HOUR_MS;
  const last = Math.max(first + 23 * HOUR_MS, ...[...sums.keys()].map(Number));
  const hours: Sum[] = [];
  for (let hour = first; hour <= last; hour += HOUR_MS) {
    const key = String(hour);
    hours.push(sums.get(key) ?? { key, due: 0, overdue: 0, expected: 0, heldUntil: null });
  }
  return hours;
}

/** Return what happens between 20:00 and 6:00 in the reader's zone. */
export function nightOf(hours: readonly Sum[]): Sum[] {
  return hours.filter(({ key }) => {
    const hour = new Date(Number(key)).getHours();
    return hour >= 20 || hour < 6;
  });
}

export const total = (sums: readonly Sum[], name: "due" | "overdue" | "expected"): number =>
  sums.reduce((sum, each) => sum + each[name], 0);
