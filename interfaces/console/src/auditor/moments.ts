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

/** Return a moment of the address if it is a time, as the API takes it. */
export function momentOf(text: string | null): string | undefined {
  return text && !Number.isNaN(new Date(text).getTime()) ? text : undefined;
}

/** Return the last millisecond before a time, for the comparison with what was before. */
export function justBefore(time: string): string {
  return new Date(new Date(time).getTime() - 1).toISOString();
}
