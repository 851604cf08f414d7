// The scores of a what-if, from what was typed into its fields.
import type { Assignment } from "../types.ts";

/** What was typed, by id of the assignment. */
export type Entries = Readonly<Record<string, string>>;

/** Return why nothing is calculated with a score that was typed; undefined if there is no reason. */
export function scoreFault(text: string): string | undefined {
  const score = Number(text);
  if (!Number.isFinite(score)) return "Enter the score as a number, for example 8.5.";
  return score < 0 ? "Enter a score of 0 or more: this one is left out." : undefined;
}

/**
 * Return the scores to calculate with; null is "not graded".
 * Real scores, and those with a fault, are left out.
 */
export function scoresOf(
  entries: Entries,
  assignments: readonly Pick<Assignment, "id" | "submission">[],
): Record<string, number | null> {
  const scores: Record<string, number | null> = {};
  for (const { id, submission } of assignments) {
    const text = entries[id]?.trim();
    if (text === undefined) continue;
    if (scoreFault(text)) continue;
    const score = text === "" ? null : Number(text);
    if (score !== (submission?.score ?? null)) scores[id] = score;
  }
  return scores;
}
