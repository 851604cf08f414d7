// The paragraphs of the runbook (docs/operations.md), which is a part of the built console.
import operations from "../../../../docs/operations.md" with { type: "text" };
import { paragraphsOf, type Paragraph } from "./markdown-parts.ts";

export const RUNBOOK_FILE = "docs/operations.md";

const paragraphs = paragraphsOf(operations);

/** Return a paragraph by its anchor, or by an address such as "docs/operations.md#restore". */
export const paragraphOf = (address: string): Paragraph | undefined =>
  paragraphs.find(({ anchor }) => anchor === address.replace(/^.*#/u, ""));

/** The paragraphs in the section "Runbook", in their order. */
export const runbookParagraphs: readonly Paragraph[] = paragraphs.slice(
  paragraphs.findIndex(({ anchor }) => anchor === "runbook") + 1,
  paragraphs.findIndex(({ anchor }) => anchor === "metrics"),
);
