// The value of an input of a date and a time, which has no zone: it is the reader's.

export const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const CHARACTERS = "2026-12-01T23:59".length;

/** Write a time for an input of the type datetime-local. */
export function toLocalInput(date: Date): string {
  const local = new Date(date.getTime() - date.getTimezoneOffset() * MINUTE_MS);
  return local.toISOString().slice(0, CHARACTERS);
}

const FIRST_YEAR = 2000;
const LAST_YEAR = 2100;

/** Return the time of such an input in UTC. Raises an Error if it cannot be a due date. */
export function dueTimeOf(text: string): string {
  const date = new Date(text);
  if (Number.isNaN(date.getTime())) throw new Error("Enter a date and a time.");
  const year = date.getFullYear();
  if (year < FIRST_YEAR || year > LAST_YEAR) {
    throw new Error(`Enter a date from ${FIRST_YEAR} to ${LAST_YEAR}.`);
  }
  return date.toISOString();
}
