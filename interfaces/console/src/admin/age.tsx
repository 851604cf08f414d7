// How long ago something was, or how long it lasts, as a duration.
import { formatDateTimeSeconds, formatSeconds } from "../format.ts";

/** Return the seconds from a time until now, never less than 0. */
export const ageSeconds = (time: string, now = Date.now()): number =>
  Math.max(0, (now - new Date(time).getTime()) / 1000);

/** A duration until now, for example "4 min"; the time itself appears on pointing at it. */
export function Age({ since, none = "–" }: { since: string | null; none?: string }) {
  if (!since) return <span>{none}</span>;
  return (
    <time dateTime={since} title={formatDateTimeSeconds(since)}>
      {formatSeconds(ageSeconds(since))}
    </time>
  );
}
