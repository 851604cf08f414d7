// Draws a paragraph of the runbook: text, lists, commands, and links to other paragraphs.
import { href } from "../router.ts";
import { blocksOf, spansOf, type Block } from "./markdown-parts.ts";
import { paragraphOf, RUNBOOK_FILE } from "./runbook.ts";

/** The text of a paragraph, in Markdown. */
export function RunbookText({ text }: { text: string }) {
  return (
    <div class="runbook-text">
      {blocksOf(text).map((block) => (
        <DrawnBlock block={block} />
      ))}
    </div>
  );
}

function DrawnBlock({ block }: { block: Block }) {
  if (block.kind === "list") {
    return (
      <ul>
        {block.items.map((item) => (
          <li>{inlineText(item)}</li>
        ))}
      </ul>
    );
  }
  if (block.kind === "text") return <p>{inlineText(block.text)}</p>;
  return (
    <pre>
      <code>{block.text}</code>
    </pre>
  );
}

/** Draw a line of Markdown: plain text, code and links. */
export function inlineText(line: string) {
  return spansOf(line).map((span) => {
    if (span.kind === "link") return <Target label={span.text} target={span.target} />;
    return span.kind === "code" ? <code>{span.text}</code> : span.text;
  });
}

/** A link to a paragraph of the runbook or to another site; a file of the documents is only named. */
function Target({ label, target }: { label: string; target: string }) {
  const paragraph = target.startsWith("#") ? paragraphOf(target) : undefined;
  if (paragraph) return <a href={href(["admin", "runbook", paragraph.anchor])}>{label}</a>;
  if (/^https?:/u.test(target)) {
    return (
      <a href={target} target="_blank" rel="noreferrer">
        {label}
      </a>
    );
  }
  const file = target.startsWith("#") ? `${RUNBOOK_FILE}${target}` : `docs/${target}`;
  return (
    <>
      {label} {!label.endsWith(target) && <span class="fine">({file})</span>}
    </>
  );
}
