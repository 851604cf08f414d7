// Problems of the API and of the connection to it, in words for the reader.
import type { components } from "../../http/typescript/openapi.d.ts";

export type Problem = components["schemas"]["ProblemDocument"];

/** A request that only reads ends after this time; the server answers each far sooner. */
const READ_LIMIT_MS = 30_000;

/** Return a signal that ends a request after the limit, or when one of `signals` ends it. */
export const limitedSignal = (...signals: AbortSignal[]): AbortSignal =>
  AbortSignal.any([...signals, AbortSignal.timeout(READ_LIMIT_MS)]);

/** What browsers write about a request without a response: each has a text of its own. */
const NO_RESPONSE = /fetch|network|load failed/iu;

/** Whether an error means that there was no response, or not in time. */
export function isNoAnswer(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === "TimeoutError" || (error instanceof TypeError && NO_RESPONSE.test(error.message));
}

const NO_PROBLEM_DOCUMENT = { type: "about:blank", status: 0, instance: "", request_id: "" };

/** Return an error that is no answer of the API as a problem; `isRepeated`: the page tries again. */
export function foreignProblemOf(error: unknown, isRepeated: boolean): Problem {
  if (isNoAnswer(error)) {
    const next = isRepeated ? "Check your connection; the page tries again." : "Check your connection, then try again.";
    return { ...NO_PROBLEM_DOCUMENT, title: "Not connected:", detail: `easeboard does not answer. ${next}` };
  }
  const detail = error instanceof Error ? error.message : String(error);
  return { ...NO_PROBLEM_DOCUMENT, title: "The request did not succeed", detail };
}

/** Whether a problem states that the data of the person was erased. */
export const isErased = ({ status, type }: Problem): boolean =>
  status === 410 && type.endsWith("/person-erased");
