// How times, scores and counts are written: in English, as the sentences are, and in the reader's time zone.

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Return the language of dates and numbers: the reader's kind of English, or else that of Britain. */
export const englishOf = (preferred: string): string => (/^en\b/iu.test(preferred) ? preferred : "en-GB");

const language = englishOf(navigator.language);
const dateTime = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const dateTimeSeconds = new Intl.DateTimeFormat(language, {
  dateStyle: "medium",
  timeStyle: "medium",
});
const date = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
const weekday = new Intl.DateTimeFormat(language, {
  weekday: "short",
  day: "numeric",
  month: "short",
});
const clock = new Intl.DateTimeFormat(language, { timeStyle: "short" });
const clockSeconds = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const number = new Intl.NumberFormat(language, { maximumFractionDigits: 2 });

/** The name of the reader's time zone, for example "Europe/Berlin". */
export const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;

export const formatDateTime = (time: string | number): string => dateTime.format(new Date(time));
export const formatDateTimeSeconds = (time: string | number): string =>
  dateTimeSeconds.format(new Date(time));
export const formatDate = (time: string | number): string => date.format(new Date(time));
export const formatWeekday = (time: string | number): string => weekday.format(new Date(time));
/** The time of day with seconds. */
export const formatClockSeconds = (time: string | number): string =>
  clockSeconds.format(new Date(time));
export const formatClock = (time: string | number): string => clock.format(new Date(time));

/** Write a time as a distance from now, for example "in 3 days" or "5 minutes ago". */
export function formatRelative(time: string | number, now = Date.now()): string {
  const distance = new Date(time).getTime() - now;
  const size = Math.abs(distance);
  if (size < MINUTE) return relative.format(Math.round(distance / 1000), "second");
  if (size < HOUR) return relative.format(Math.round(distance / MINUTE), "minute");
  if (size < DAY) return relative.format(Math.round(distance / HOUR), "hour");
  if (size < 60 * DAY) return relative.format(Math.round(distance / DAY), "day");
  return relative.format(Math.round(distance / (30.44 * DAY)), "month");
}

/** Write a duration in seconds, for example "4 min" or "1.2 s". */
export function formatSeconds(seconds: number): string {
  if (seconds < 0.1) return "0 s";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

export const formatNumber = (value: number): string => number.format(value);

/** Write a score, or a dash if there is none. */
export const formatScore = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : number.format(value);

/** Write a percentage such as a course's score; Canvas gives it from 0 to 100. */
export const formatPercent = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : `${number.format(value)} %`;

/** Write a count with its noun, for example "1 course" or "3 courses". */
export const formatCount = (count: number, noun: string, plural = `${noun}s`): string =>
  `${number.format(count)} ${count === 1 ? noun : plural}`;
