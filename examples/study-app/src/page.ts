/** Shows a study on the page; texts are set as text, never as HTML. */
import { createEaseboard } from "easeboard-client";
import { followStudy, type Study } from "./study.ts";

type Row = [string, string];

const DEFAULT_URL = "http://127.0.0.1:8000";
const STATES = { connecting: "Connecting…", open: "Live", waiting: "Offline, trying again…", closed: "" };
const time = new Intl.DateTimeFormat(undefined, {
  weekday: "short",
  day: "numeric",
  month: "short",
  hour: "numeric",
  minute: "2-digit",
});
const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element ${id}.`);
  return found;
}

/** Fill a list with rows of two texts; what differs from before is highlighted. */
function fill(id: string, rows: Row[], whenEmpty: string): void {
  const list = element(id);
  const before = new Set(Array.from(list.children, (item) => item.textContent));
  const items = (rows.length ? rows : [[whenEmpty, ""]]).map((texts) => {
    const item = document.createElement("li");
    for (const text of texts) {
      item.append(Object.assign(document.createElement("span"), { textContent: text }));
    }
    item.classList.toggle("changed", before.size > 0 && !before.has(item.textContent));
    return item;
  });
  list.replaceChildren(...items);
}

function show({ state, due, courses, news, problem }: Study): void {
  element("state").textContent = STATES[state];
  element("problem").hidden = problem === null;
  element("problem").textContent = problem;
  const dueRows = due.map(({ name, due_at }): Row => [name ?? "", due_at ? time.format(new Date(due_at)) : ""]);
  fill("due", dueRows, "Nothing is due.");
  const courseRows = courses.map(({ name, current_score }): Row => [
    name ?? "A restricted course",
    current_score === null ? "–" : `${number.format(current_score)} %`,
  ]);
  fill("courses", courseRows, "No courses yet.");
  const newsRows = news.map(({ assignment_name, course_name, current }): Row => [
    assignment_name ?? `${course_name ?? "A course"}, total`,
    current?.score == null ? (current?.grade ?? "no grade") : number.format(current.score),
  ]);
  fill("news", newsRows, "None since this page was opened.");
}

/** The token is kept in memory only: the address of the page is cleared of it at once. */
function start(token: string, url: string): void {
  const api = createEaseboard({ url, getToken: () => token });
  void followStudy(api, show, new AbortController().signal);
}

const parameters = new URLSearchParams(location.hash.slice(1));
history.replaceState(null, "", location.pathname);
const url = parameters.get("url") ?? DEFAULT_URL;
const given = parameters.get("token");
if (given) {
  start(given, url);
} else {
  const form = element("sign-in");
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    form.hidden = true;
    start((element("token") as HTMLTextAreaElement).value.trim(), url);
  });
}
