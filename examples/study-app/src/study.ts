/** Keeps what the page shows up to date: what is due next, the courses, and new grades. */
import { unwrap } from "easeboard-client";
import type { Easeboard, LiveMessage, LiveState, Schemas } from "easeboard-client";

export interface Study {
  state: LiveState;
  due: Schemas["Assignment"][];
  courses: Schemas["Course"][];
  /** Changes of grades since the page was opened, newest first. */
  news: Schemas["GradeChange"][];
  problem: string | null;
}

const EMPTY: Study = { state: "connecting", due: [], courses: [], news: [], problem: null };

/** Call `show` with all that is known, again after each change, until the signal is aborted. */
export async function followStudy(
  api: Easeboard,
  show: (study: Study) => void,
  signal: AbortSignal,
): Promise<void> {
  let study = EMPTY;
  let isLoading = false;
  let mustLoadAgain = false;

  function update(part: Partial<Study>): void {
    study = { ...study, ...part };
    show(study);
  }

  /** Many messages can arrive during one load: they cause one more load, not many. */
  async function load(): Promise<void> {
    mustLoadAgain = isLoading;
    if (isLoading) return;
    isLoading = true;
    do {
      mustLoadAgain = false;
      update(await read(api));
    } while (mustLoadAgain);
    isLoading = false;
  }

  function receive(message: LiveMessage): void {
    if (message.type === "grade") update({ news: [message.change, ...study.news].slice(0, 20) });
    const changesNothing = message.type === "sync" && message.sync.finished_at === null;
    if (!changesNothing) void load();
  }

  await api.follow(receive, { signal, onState: (state) => update({ state }) });
}

async function read(api: Easeboard): Promise<Partial<Study>> {
  try {
    const [stats, courses] = await Promise.all([
      unwrap(api.GET("/api/v1/dashboard/stats")),
      unwrap(api.GET("/api/v1/canvas/courses")),
    ]);
    const active = courses.items.filter(({ role, state }) => role === "student" && state === "active");
    return { due: stats.next_due, courses: active, problem: null };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}
