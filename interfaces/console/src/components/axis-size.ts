// How much room the numbers beside a chart need.

const LEAST_PIXELS = 68;
const PIXELS_PER_CHARACTER = 8;
/** Between a number and the lines of the chart. */
const GAP_PIXELS = 20;

/** Return the width of an axis in pixels, so that the longest of its texts fits. */
export function axisSize(texts: readonly string[] | null): number {
  const longest = Math.max(0, ...(texts ?? []).map(({ length }) => length));
  return Math.max(LEAST_PIXELS, GAP_PIXELS + PIXELS_PER_CHARACTER * longest);
}
