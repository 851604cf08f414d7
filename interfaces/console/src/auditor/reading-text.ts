// What was read, in plain words, from what the server recorded about a reading.
import { formatDateTimeSeconds } from "../format.ts";
import { CHANGE_TYPES } from "./changes.ts";

/** The words for what was read, by its name at the server; "" is for an unknown one. */
export type ViewWords = Readonly<Record<string, string>>;

const VIEWS: ViewWords = {
  "": "The history",
  connections: "The list of connections",
  readings: "The list of readings",
  events: "The events",
  history: "The events",
  state: "The recorded state",
  view: "What the student saw",
  diff: "What changed between two moments",
  proof: "The proof of one event",
  export: "The whole history, as a file",
};
const NAMES: Readonly<Record<string, string>> = {
  as_of: "at",
  types: "only",
  type: "only",
  connection_id: "of connection",
  user_id: "of user",
  event_id: "event",
  q: "search",
};
/** How the server records the request for the marks of the time machine. */
const CHANGES = `type=${[...CHANGE_TYPES].sort().join(",")}`;
const RFC_3339 = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/;

/** Write what was read, for example "What the student saw (at 3 May 2026, 12:00:00)". */
export function readingText(what: string | null, views = VIEWS): string {
  const [view = "", ...parameters] = (what ?? "").split(/ (?=[a-z_]+=)/);
  if (view === "events" && parameters.join() === CHANGES) return "All changes";
  const text = views[view] ?? view;
  return parameters.length ? `${text} (${parameters.map(parameterText).join(", ")})` : text;
}

function parameterText(parameter: string): string {
  const [name = "", ...rest] = parameter.split("=");
  const value = rest.join("=");
  const isTime = RFC_3339.test(value) && !Number.isNaN(new Date(value.replace(" ", "T")).getTime());
  return `${NAMES[name] ?? name} ${isTime ? formatDateTimeSeconds(value.replace(" ", "T")) : value.replaceAll(",", ", ")}`;
}
