// The control API of the demo's Canvas sandbox: what a teacher or the administration of Canvas does.
import { settings } from "../session/settings.ts";

/** A course in the sandbox; `id` is Canvas's id. */
export interface TaughtCourse {
  readonly id: string;
  readonly name: string;
  readonly present: boolean;
  readonly role: string | null;
  readonly term_id: string;
  readonly restricted: boolean;
  readonly concluded: boolean;
  readonly current_score: number | null;
}

/** An assignment in the sandbox, with the work of the demo's student. */
export interface GivenAssignment {
  readonly id: string;
  readonly name: string;
  readonly due_at: string | null;
  readonly points_possible: number | null;
  readonly grading_type: string;
  readonly present: boolean;
  readonly assigned: boolean;
  readonly score: number | null;
}

export interface ServerStatus {
  /** How Canvas is away; null if it answers. */
  readonly away: string | null;
}

export interface TokenState {
  readonly begins: string;
  readonly valid: boolean;
}

/** Read from the sandbox, for example `readControl("assignments", { course_id })`. */
export function readControl<T>(operation: string, query: Record<string, string> = {}): Promise<T> {
  return request<T>(`${operation}?${new URLSearchParams(query).toString()}`);
}

/** Change the sandbox; raises an Error with the reason if it refuses. */
export function changeControl<T = null>(operation: string, body: Record<string, unknown> = {}): Promise<T> {
  return request<T>(operation, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

async function request<T>(path: string, init: RequestInit = {}): Promise<T> {
  const address = settings.value?.demo?.control_url;
  if (!address) throw new Error("This server is not a demo: it has no sandbox.");
  let response: Response;
  try {
    response = await fetch(`${address}/${path}`, init);
  } catch {
    throw new Error("The sandbox cannot be reached. Is the demo still running?");
  }
  const document = (await response.json()) as { result: T; error?: string };
  if (!response.ok) throw new Error(document.error ?? `The sandbox answered ${response.status}.`);
  return document.result;
}

/** The courses that the student attends now or attended, as the teacher sees them. */
export async function taughtCourses(): Promise<TaughtCourse[]> {
  const courses = await readControl<TaughtCourse[]>("courses", { student: "0" });
  return courses
    .filter(({ role, present, restricted }) => role === "student" && present && !restricted)
    .sort((one, other) => Number(one.concluded) - Number(other.concluded));
}

/** The assignments of a course that are graded with points. */
export async function gradableAssignments(courseId: string): Promise<GivenAssignment[]> {
  const all = await readControl<GivenAssignment[]>("assignments", { course_id: courseId, student: "0" });
  return all.filter(({ present, assigned, grading_type }) => present && assigned && grading_type === "points");
}
