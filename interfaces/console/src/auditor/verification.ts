// Verifies the whole log, part by part, and keeps the last report of this session.
import { signal } from "@preact/signals";
import { api, problemOf, unwrap, type Problem } from "../api.ts";
import type { SignedCheckpoint, VerificationReport } from "./audit-types.ts";
import { onOtherSession } from "./other-session.ts";

export interface Verification {
  readonly isRunning: boolean;
  /** Of all parts together. */
  readonly report?: VerificationReport;
  readonly problem?: Problem;
}

const MAX_PARTS = 10_000;

export const verification = signal<Verification>({ isRunning: false });
onOtherSession(() => {
  verification.value = { isRunning: false };
});

/** Request one part after the other until the newest checkpoint is reached. */
export async function verifyLog(): Promise<void> {
  if (verification.value.isRunning) return;
  verification.value = { isRunning: true };
  let whole: VerificationReport | undefined;
  try {
    for (let part = 0; part < MAX_PARTS; part++) {
      const report = await unwrap(api.GET("/api/v1/audit/verify"));
      whole = whole ? joinReports(whole, report) : report;
      const isFinished = report.complete || report.result !== "ok";
      verification.value = { isRunning: !isFinished, report: whole };
      if (isFinished) return;
    }
  } catch (error) {
    verification.value = { ...verification.value, isRunning: false, problem: problemOf(error) };
  }
}

/** Return the report of two parts that follow each other. */
export function joinReports(first: VerificationReport, next: VerificationReport): VerificationReport {
  return {
    ...next,
    from_size: Math.min(first.from_size, next.from_size),
    events: first.events + next.events,
    seconds: first.seconds + next.seconds,
    problems: [...first.problems, ...next.problems],
    problem_count: first.problem_count + next.problem_count,
    result: first.result === "problems" ? "problems" : next.result,
  };
}

/** Return the position up to which the last report found no difference; 0 if there is none. */
export function verifiedPosition({ report }: Verification): number {
  return report?.result === "ok" ? report.last_position : 0;
}

/** Load the newest signed checkpoints. */
export async function loadCheckpoints(limit: number, signal: AbortSignal): Promise<SignedCheckpoint[]> {
  const query = { limit };
  return (await unwrap(api.GET("/api/v1/audit/checkpoints", { params: { query }, signal }))).items;
}
