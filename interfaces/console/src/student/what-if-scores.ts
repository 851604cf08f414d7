// The scores of a what-if, from what was typed into its fields.
import type { Assignment } from "../types.ts";

/** What was typed, by id of the assignment. */
export type Entries = Readonly<Record<string, string>>;

/** Return the scores to calculate with; null is "not graded", and real scores are left out. */
export function scoresOf(
  entries: Entries,
  assignments: readonly Pick<Assignment, "id" | "submission">[],
): Record<string, number | null> {
  const scores: Record<string, number | null> = {};
  for (const { id, submission } of assignments) {
    const text = entries[id]?.trim();
    if (text === undefined) continue;
    const score = text === "" ? null : Number(text);
    if (score !== null && !Number.isFinite(score)) continue;
    if (score !== (submission?.score ?? null)) scores[id] = score;
  }
  return scores;
}
