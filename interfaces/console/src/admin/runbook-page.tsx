// The runbook: one paragraph of docs/operations.md, and the list of all.
import { Card, Page } from "../components/page.tsx";
import { href, route } from "../router.ts";
import { paragraphOf, RUNBOOK_FILE, runbookParagraphs } from "./runbook.ts";
import { RunbookText } from "./runbook-text.tsx";

export function RunbookPage() {
  const anchor = route.value.path[2];
  const paragraph = anchor ? paragraphOf(anchor) : undefined;
  return (
    <Page title="Runbook" lead={`What to do when something is wrong, from ${RUNBOOK_FILE}.`}>
      {anchor && !paragraph && (
        <p class="notice notice-warn">There is no paragraph with this address. All are listed below.</p>
      )}
      {paragraph && (
        <Card title={paragraph.title}>
          <RunbookText text={paragraph.text} />
        </Card>
      )}
      <Card title="All paragraphs">
        <ul class="columns">
          {runbookParagraphs.map((each) => (
            <li>
              <a
                href={href(["admin", "runbook", each.anchor])}
                aria-current={each === paragraph ? "true" : undefined}
              >
                {each.title}
              </a>
            </li>
          ))}
        </ul>
      </Card>
    </Page>
  );
}
