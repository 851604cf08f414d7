// The paragraph of the runbook that belongs to a finding, closed until it is needed.
import { href } from "../router.ts";
import { paragraphOf, RUNBOOK_FILE } from "./runbook.ts";
import { RunbookText } from "./runbook-text.tsx";

/** A paragraph by its address; without its text, where it can be read. */
export function RunbookParagraph({ address, title }: { address: string; title: string }) {
  const paragraph = paragraphOf(address);
  if (!paragraph) {
    return (
      <p class="fine">
        Runbook: {RUNBOOK_FILE}, section “{title}”
      </p>
    );
  }
  return (
    <details class="runbook">
      <summary>Runbook: {paragraph.title}</summary>
      <RunbookText text={paragraph.text} />
      <p class="fine">
        <a href={href(["admin", "runbook", paragraph.anchor])}>Open in the runbook</a>
      </p>
    </details>
  );
}
