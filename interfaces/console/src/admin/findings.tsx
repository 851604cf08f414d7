// What is wrong, worst first: each with its reason, its age, its action and its runbook paragraph.
import { Badge, type BadgeKind } from "../components/text.tsx";
import { formatDateTime } from "../format.ts";
import { Age } from "./age.tsx";
import { ResumeButton } from "./read-model-actions.tsx";
import { RunbookParagraph } from "./runbook-paragraph.tsx";
import { inlineText } from "./runbook-text.tsx";
import type { Finding } from "./shapes.ts";
import { targetOf } from "./targets.ts";

const SEVERITIES: Record<Finding["severity"], readonly [BadgeKind, string]> = {
  critical: ["bad", "Critical"],
  warning: ["warn", "Warning"],
  notice: ["info", "Notice"],
};

export function Findings({
  findings,
  onChange,
}: {
  findings: readonly Finding[];
  onChange: () => void;
}) {
  return (
    <ol class="findings" aria-label="Findings">
      {findings.map((finding) => (
        <li key={`${finding.kind} ${finding.subject} ${finding.target}`} class={`card finding-${finding.severity}`}>
          <FindingLine finding={finding} onChange={onChange} />
        </li>
      ))}
    </ol>
  );
}

function FindingLine({ finding, onChange }: { finding: Finding; onChange: () => void }) {
  const [kind, label] = SEVERITIES[finding.severity];
  const target = targetOf(finding.target);
  return (
    <>
      <header class="finding-head">
        <Badge kind={kind}>{label}</Badge>
        <h2>{titleOf(finding)}</h2>
        <FindingAge finding={finding} />
      </header>
      <p>{inlineText(finding.reason)}</p>
      <div class="finding-action">
        <p>
          <strong>What to do:</strong> {inlineText(finding.action)}
        </p>
        <div class="actions">
          {finding.kind === "read-model-paused" && finding.subject && (
            <ResumeButton name={finding.subject} onChange={onChange} />
          )}
          {target && (
            <a class="button" href={target.href}>
              {target.label}
            </a>
          )}
        </div>
      </div>
      <RunbookParagraph address={finding.runbook} title={finding.runbook_title} />
    </>
  );
}

function FindingAge({ finding: { since } }: { finding: Finding }) {
  if (!since) return null;
  return (
    <p class="fine">
      for <Age since={since} />, since {formatDateTime(since)}
    </p>
  );
}

/** The short name of each kind of finding, before or without its subject. */
const TITLES: Readonly<Record<string, string>> = {
  "syncing-off": "Syncing is off",
  "role-missing": "A role has no process",
  "process-silent": "A process gives no sign of life",
  "process-warning": "A process has a warning",
  "host-unreachable": "A Canvas host does not answer",
  "connections-failing": "Connections fail",
  "tokens-rejected": "Canvas rejects tokens",
  "courses-failing": "Some courses cannot be read",
  "run-stuck": "A run is stuck",
  "runs-wait": "Runs wait too long",
  "read-model-failing": "A read model cannot apply events",
  "read-model-behind": "A read model is behind",
  "read-model-paused": "A read model is paused",
  "read-model-differs": "A read model differs from the log",
  "read-model-unowned": "No process applies events to a read model",
  "dead-letters": "Events were set aside",
  "rebuild-interrupted": "A rebuild was interrupted",
  "log-lost": "The log lacks events",
  "syncs-overdue": "Syncs are overdue",
  "read-model-outdated": "Read models are being built",
};

function titleOf({ kind, subject, runbook_title }: Finding): string {
  const title = TITLES[kind] ?? runbook_title;
  return subject ? `${title}: ${subject}` : title;
}
