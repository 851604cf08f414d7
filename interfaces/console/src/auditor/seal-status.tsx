// How far the history is sealed and verified.
import { useLoaded } from "../api.ts";
import { ProblemNotice, Shown } from "../components/notices.tsx";
import { Card } from "../components/page.tsx";
import { Badge, Time } from "../components/text.tsx";
import { formatCount } from "../format.ts";
import { href } from "../router.ts";
import type { AuditedEvent } from "./audit-types.ts";
import { loadCheckpoints, verification, verifiedPosition, verifyLog } from "./verification.ts";

export function SealStatus() {
  const checkpoints = useLoaded((signal) => loadCheckpoints(1, signal), []);
  const { isRunning, report, problem } = verification.value;
  return (
    <Card
      title="How far the history is sealed"
      wide
      actions={
        <button type="button" disabled={isRunning} onClick={() => void verifyLog()}>
          {isRunning ? "Verifying…" : "Verify the whole log now"}
        </button>
      }
    >
      <Shown loaded={checkpoints}>
        {([newest]) =>
          newest ? (
            <p>
              Sealed up to position {newest.last_position} of the log,{" "}
              <Time value={newest.sealed_at} mode="seconds" />: {formatCount(newest.size, "event")} in the
              signed tree.
            </p>
          ) : (
            <p>Nothing is sealed yet: the first signed checkpoint appears seconds after the first event.</p>
          )
        }
      </Shown>
      <p>
        {report ? (
          <>
            Verified up to position {report.last_position}, <Time value={report.checked_at} mode="seconds" />:{" "}
            <a href={href(["auditor", "proofs"])}>
              {report.result === "problems"
                ? `${formatCount(report.problem_count, "difference")} found`
                : "no difference was found"}
            </a>
            .
          </>
        ) : (
          "Not verified in this session yet."
        )}
      </p>
      {problem && <ProblemNotice problem={problem} />}
    </Card>
  );
}

/** Whether an event is sealed, and whether the last verification covers it. */
export function SealBadge({ event }: { event: AuditedEvent }) {
  const { report } = verification.value;
  if (report?.problems.some(({ event_id }) => event_id === event.event_id)) {
    return <Badge kind="bad">Changed afterwards</Badge>;
  }
  if (!event.seal) return <Badge kind="warn">Not sealed yet</Badge>;
  if (event.position <= verifiedPosition(verification.value)) return <Badge kind="good">Verified</Badge>;
  return <Badge>Sealed</Badge>;
}
