// Moments in the address are RFC 3339 in UTC; in fields they are local times of the reader.

/** Write a time for a field of type `datetime-local`; empty for none or an invalid one. */
export function toLocalField(time: string | number | undefined): string {
  if (time === undefined || time === "") return "";
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "";
  const two = (value: number) => String(value).padStart(2, "0");
  const year = String(date.getFullYear()).padStart(4, "0");
  const day = `${year}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** Return the moment of a field of type `datetime-local` as RFC 3339; undefined if it is empty. */
export function fromLocalField(text: string): string | undefined {
  const date = new Date(text);
  return text && !Number.isNaN(date.getTime()) ? date.toISOString() : undefined;
}

const DAY = /^(?!0000)\d{4}-\d\d-\d\d/;
const RFC_3339 =
  /^\d{4}-\d\d-\d\d(T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d))?$/i;

/** Return a moment of the address as the API takes it, if it is RFC 3339 or a date (in UTC). */
export function momentOf(text: string | null): string | undefined {
  if (!text || !RFC_3339.test(text) || !isDay(DAY.exec(text)?.[0])) return undefined;
  return text.includes(":") ? text : `${text}T00:00:00Z`;
}

/** Whether the calendar has a day: JavaScript takes 30 February for 2 March. */
function isDay(day: string | undefined): boolean {
  const date = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(`${day}T`);
}

/** Whether an address has a parameter of one of these names that is no moment. */
export function hasInvalidMoment(query: URLSearchParams, names: readonly string[]): boolean {
  return names.some((name) => query.get(name) && momentOf(query.get(name)) === undefined);
}

/** Whether a moment is still to come, by the clock of the reader. */
export function isFuture(moment: string | undefined, now = Date.now()): boolean {
  return moment !== undefined && new Date(moment).getTime() > now;
}

/** Return the last millisecond before a time, for the comparison with what was before. */
export function justBefore(time: string): string {
  return new Date(new Date(time).getTime() - 1).toISOString();
}
