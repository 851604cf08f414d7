// Splits a Markdown document into its paragraphs with headings, and their text into blocks and spans.

export interface Paragraph {
  readonly anchor: string;
  readonly title: string;
  /** Markdown. */
  readonly text: string;
}

/** Return the anchor that Markdown viewers give to a heading. */
const anchorOf = (title: string): string =>
  title
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");

/** Return all paragraphs: a heading of level 2 or 3, and the text up to the next one. */
export function paragraphsOf(markdown: string): Paragraph[] {
  return markdown
    .split(/^#{2,3} +/mu)
    .slice(1)
    .map((part) => {
      const [title = "", ...lines] = part.split("\n");
      return { anchor: anchorOf(title.trim()), title: title.trim(), text: lines.join("\n").trim() };
    });
}

export type Block =
  | { readonly kind: "code" | "text"; readonly text: string }
  | { readonly kind: "list"; readonly items: readonly string[] };

/** Split a text into commands, lists and lines. A table is shown as it is written. */
export function blocksOf(text: string): Block[] {
  return text
    .split(/^```\w*\n([\s\S]*?)^```$/mu)
    .flatMap((part, index) =>
      index % 2 ? [{ kind: "code" as const, text: part.trim() }] : proseBlocks(part),
    );
}

function proseBlocks(text: string): Block[] {
  return text
    .split(/\n\s*\n|\n(?![-|])/u)
    .map((part) => part.trim())
    .filter(Boolean)
    .map((part) => {
      if (part.startsWith("|")) return { kind: "code", text: part };
      if (!part.startsWith("- ")) return { kind: "text", text: part };
      return { kind: "list", items: part.slice(2).split(/\n- /u) };
    });
}

export type Span =
  | { readonly kind: "plain" | "code"; readonly text: string }
  | { readonly kind: "link"; readonly text: string; readonly target: string };

const SPAN = /`([^`]+)`|\[([^\]]+)\]\(([^)]+)\)/gu;

/** Split a line into plain text, `code` and [links](…). */
export function spansOf(line: string): Span[] {
  const spans: Span[] = [];
  let end = 0;
  for (const match of line.matchAll(SPAN)) {
    const [whole, code, label = "", target = ""] = match;
    if (match.index > end) spans.push({ kind: "plain", text: line.slice(end, match.index) });
    spans.push(code === undefined ? { kind: "link", text: label, target } : { kind: "code", text: code });
    end = match.index + whole.length;
  }
  if (end < line.length) spans.push({ kind: "plain", text: line.slice(end) });
  return spans;
}
