// Small pieces of text: times, badges, links to other sites.
import type { ComponentChildren } from "preact";
import { formatDate, formatDateTime, formatDateTimeSeconds, formatRelative } from "../format.ts";

type TimeMode = "relative" | "date" | "full" | "seconds";

const WRITERS = {
  relative: (time: string) => formatRelative(time),
  date: formatDate,
  full: formatDateTime,
  seconds: formatDateTimeSeconds,
};

/** A time in the reader's zone; the exact time appears on pointing at it. */
export function Time({
  value,
  mode = "full",
  none = "–",
}: {
  value: string | null | undefined;
  mode?: TimeMode;
  none?: string;
}) {
  if (!value) return <span>{none}</span>;
  return (
    <time dateTime={value} title={formatDateTimeSeconds(value)}>
      {WRITERS[mode](value)}
    </time>
  );
}

export type BadgeKind = "plain" | "good" | "warn" | "bad" | "info";

export function Badge({ kind = "plain", children }: { kind?: BadgeKind; children: ComponentChildren }) {
  return <span class={`badge badge-${kind}`}>{children}</span>;
}

/** A link to another site, which opens in a new tab; text alone if a Canvas gave no web address. */
export function ExternalLink({ href, children }: { href: string; children: ComponentChildren }) {
  if (!/^https?:\/\//i.test(href)) return <span>{children}</span>;
  return (
    <a href={href} target="_blank" rel="noreferrer">
      {children}
      <span class="sr"> (opens in a new tab)</span>
    </a>
  );
}
