// Groups items with a due date by the weeks of the reader's calendar.
import { groupBy } from "./group-by.ts";

export interface Dated {
  readonly due_at: string | null;
  readonly name: string | null;
}

export type PeriodName = "this" | "next" | "later" | "undated" | "past";

export interface Week<T> {
  /** The first moment of the week, in milliseconds since 1970; null for items without a date. */
  readonly start: number | null;
  readonly items: readonly T[];
}

export interface Period<T> {
  readonly name: PeriodName;
  readonly weeks: readonly Week<T>[];
  readonly count: number;
}

const MONDAY = 1;
const ORDER: readonly PeriodName[] = ["this", "next", "later", "undated", "past"];

interface WeekInfo {
  getWeekInfo?: () => { firstDay: number };
  weekInfo?: { firstDay: number };
}

/** Return the day with which a week begins in a language: 1 is Monday, 7 is Sunday. */
export function firstDayOfWeek(language: string): number {
  const locale = new Intl.Locale(language) as Intl.Locale & WeekInfo;
  return locale.getWeekInfo?.().firstDay ?? locale.weekInfo?.firstDay ?? MONDAY;
}

/** Return midnight of the first day of the week of a time; `weeks` later if that is given. */
export function startOfWeek(time: number, firstDay = MONDAY, weeks = 0): number {
  const day = new Date(time);
  const past = (day.getDay() - firstDay + 7) % 7;
  return new Date(day.getFullYear(), day.getMonth(), day.getDate() - past + 7 * weeks).getTime();
}

/**
 * Group items into periods; periods without items are left out.
 * A week that has begun belongs to "this" as a whole; "past" ends with the last week, newest first.
 */
export function groupByWeek<T extends Dated>(
  items: readonly T[],
  now: number,
  firstDay = MONDAY,
): Period<T>[] {
  const [start, next, later] = [0, 1, 2].map((weeks) => startOfWeek(now, firstDay, weeks)) as [
    number,
    number,
    number,
  ];
  const periodOf = ({ due_at }: T): PeriodName => {
    if (due_at === null) return "undated";
    const due = Date.parse(due_at);
    if (due < start) return "past";
    if (due < next) return "this";
    return due < later ? "next" : "later";
  };
  const groups = groupBy(items, periodOf);
  return ORDER.flatMap((name) => {
    const members = groups.get(name);
    if (!members) return [];
    return [{ name, weeks: weeksOf(members, firstDay, name === "past"), count: members.length }];
  });
}

function weeksOf<T extends Dated>(items: readonly T[], firstDay: number, isNewestFirst: boolean) {
  const sorted = items.toSorted((one, other) => compareDue(one, other) * (isNewestFirst ? -1 : 1));
  const weeks = groupBy(sorted, ({ due_at }) =>
    due_at === null ? null : startOfWeek(Date.parse(due_at), firstDay),
  );
  return [...weeks].map(([start, members]): Week<T> => ({ start, items: members }));
}

/** Compare by due date, then by name; items without a date come last. */
export function compareDue(one: Dated, other: Dated): number {
  const difference = dueTime(one) - dueTime(other);
  if (difference) return difference;
  return (one.name ?? "").localeCompare(other.name ?? "", undefined, { numeric: true });
}

const NEVER = 8.64e15;
const dueTime = ({ due_at }: Dated): number => (due_at === null ? NEVER : Date.parse(due_at));
