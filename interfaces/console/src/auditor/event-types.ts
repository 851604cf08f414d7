// The kinds of events in plain words, and the groups by which a list of them can be filtered.
import type { BadgeKind } from "../components/text.tsx";

type Named = readonly [text: string, kind: BadgeKind];

const EVENT_TEXTS: Readonly<Record<string, Named>> = {
  ConnectionOpened: ["Connected", "good"],
  TokenRotated: ["Token replaced", "info"],
  ConnectionValidated: ["Token checked", "plain"],
  TokenRejected: ["Token rejected", "bad"],
  ConnectionClosed: ["Disconnected", "warn"],
  SyncRequested: ["Sync requested", "plain"],
  SyncStarted: ["Sync started", "plain"],
  SyncRequeued: ["Sync waits again", "warn"],
  SyncWidened: ["Sync widened", "plain"],
  CourseFetched: ["Course read", "info"],
  CourseUnlisted: ["Course not listed", "warn"],
  CourseWithdrawn: ["Course gone", "warn"],
  DueDateChanged: ["Due date", "info"],
  GradeChanged: ["Grade", "good"],
  CourseFetchFailed: ["Course failed", "bad"],
  SyncCompleted: ["Sync completed", "plain"],
  SyncFailed: ["Sync failed", "bad"],
  SyncCancelled: ["Sync cancelled", "warn"],
  HistoryRead: ["Reading", "plain"],
};

/** Return the words for a type of event; a type of a later release has its own name. */
export const eventText = (type: string): Named => EVENT_TEXTS[type] ?? [type, "plain"];

const GROUPS: readonly (readonly [text: string, types: readonly string[]])[] = [
  ["All events", []],
  ["What the student saw", ["CourseFetched", "CourseWithdrawn", "DueDateChanged", "GradeChanged"]],
  [
    "Connection and token",
    ["ConnectionOpened", "TokenRotated", "ConnectionValidated", "TokenRejected", "ConnectionClosed"],
  ],
  [
    "Syncs",
    [
      "SyncRequested",
      "SyncStarted",
      "SyncRequeued",
      "SyncWidened",
      "SyncCompleted",
      "SyncFailed",
      "SyncCancelled",
    ],
  ],
  ["All but readings", Object.keys(EVENT_TEXTS).filter((type) => type !== "HistoryRead")],
];

/** The choices of the filter: groups of types, then each type. */
export const TYPE_CHOICES: readonly (readonly [value: string, text: string])[] = [
  ...GROUPS.map(([text, types]) => [types.join(","), text] as const),
  ...Object.entries(EVENT_TEXTS).map(([type, [text]]) => [type, `Only: ${text}`] as const),
];
