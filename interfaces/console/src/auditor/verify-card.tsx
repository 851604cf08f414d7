// The button that verifies the whole log, its progress, and its report in plain words.
import { ProblemNotice } from "../components/notices.tsx";
import { Card } from "../components/page.tsx";
import { Time } from "../components/text.tsx";
import { formatCount, formatSeconds } from "../format.ts";
import type { VerificationReport } from "./audit-types.ts";
import { verification, verifyLog } from "./verification.ts";

export function VerifyCard() {
  const { isRunning, report, problem } = verification.value;
  return (
    <Card title="Verify the log" wide>
      <p>
        The server reads every row again, computes the tree from it, and compares it with its signed
        checkpoints and with the copies of the hashes.
      </p>
      <div class="actions">
        <button type="button" class="main" disabled={isRunning} onClick={() => void verifyLog()}>
          {isRunning ? "Verifying…" : "Verify the whole log now"}
        </button>
      </div>
      {isRunning && <Progress report={report} />}
      {problem && <ProblemNotice problem={problem} onRetry={() => void verifyLog()} />}
      <div role="status">{report && !isRunning && <Report report={report} />}</div>
    </Card>
  );
}

function Progress({ report }: { report: VerificationReport | undefined }) {
  return (
    <>
      <progress class="bar" aria-label="Verification" />
      <p class="fine">
        {report
          ? `${formatCount(report.to_size, "event")} so far, up to position ${report.last_position}`
          : "Reading the rows…"}
      </p>
    </>
  );
}

const RESULTS = {
  ok: "notice notice-good",
  problems: "notice notice-bad",
  "nothing sealed": "notice",
};

function Report({ report }: { report: VerificationReport }) {
  const { result, problems, problem_count, compared_with, unsealed_events } = report;
  return (
    <div class={RESULTS[result]}>
      <p>
        <strong>{resultText(report)}</strong>
      </p>
      {result !== "nothing sealed" && (
        <p>
          {formatCount(report.events, "row")} read in {formatSeconds(report.seconds)};{" "}
          {formatCount(report.checkpoints, "signed checkpoint")} compared, up to position{" "}
          {report.last_position}
          {compared_with.length > 0 && `; compared with ${compared_with.join(", ")}`}.
          {unsealed_events > 0 && ` ${formatCount(unsealed_events, "newer event")} not sealed yet.`}
        </p>
      )}
      {problems.length > 0 && (
        <ol>
          {problems.map(({ kind, detail, index, event_id }, at) => (
            <li key={at}>
              <strong>{kind}:</strong> {detail}
              {index !== null && ` Entry ${index} of the tree.`}
              {event_id && ` Event ${event_id}.`}
            </li>
          ))}
        </ol>
      )}
      {problem_count > problems.length && (
        <p>{`and ${problem_count - problems.length} more; the command prints all.`}</p>
      )}
      <p class="fine">
        <Time value={report.checked_at} mode="seconds" />
        <span>
          This is the server's own report. The same check on a machine of yours:{" "}
          <code>easeboard audit verify --vkey vkey</code>
        </span>
      </p>
    </div>
  );
}

function resultText({ result, problem_count }: VerificationReport): string {
  if (result === "ok") return "No difference was found: nothing was changed after it was sealed.";
  if (result === "nothing sealed") return "Nothing is sealed yet: there is no signed checkpoint.";
  return problem_count === 1 ? "1 difference was found." : `${problem_count} differences were found.`;
}
