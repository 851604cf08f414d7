// The start screen: what is wrong right now, worst first, and the figures of the service.
import { api, unwrap, useLoaded, type Problem } from "../api.ts";
import { Shown } from "../components/notices.tsx";
import { Figure, Page } from "../components/page.tsx";
import { formatClock, formatCount, formatNumber, formatSeconds } from "../format.ts";
import { href } from "../router.ts";
import { ageSeconds } from "./age.tsx";
import { ComponentsCard } from "./components-card.tsx";
import { Findings } from "./findings.tsx";
import { inStepOf } from "./in-step.ts";
import type { AdminStatus } from "./shapes.ts";

export function WhatIsWrongPage() {
  const status = useLoaded((signal) => unwrap(api.GET("/api/v1/admin/status", { signal })), [], { everySeconds: 5 });
  return (
    <Page title="What is wrong" lead={status.data ? leadOf(status.data, status.problem) : "Worst first"}>
      <Shown loaded={status}>
        {(data) => (
          <>
            {data.findings.length > 0 && <Findings findings={data.findings} onChange={status.reload} />}
            {data.findings.length === 0 && !status.problem && <NothingWrong status={data} />}
            <Figures status={data} />
          </>
        )}
      </Shown>
      <ComponentsCard />
    </Page>
  );
}

function leadOf({ at, findings }: AdminStatus, problem: Problem | undefined): string {
  if (problem) {
    const what = problem.status === 0 ? "easeboard has not answered" : "No check has succeeded";
    return `${what} since ${formatClock(at)}; what follows is from then.`;
  }
  const what = findings.length ? `${formatCount(findings.length, "finding")}, worst first` : "All is well";
  return `${what}. Checked at ${formatClock(at)}, and again every 5 seconds.`;
}

function NothingWrong({ status }: { status: AdminStatus }) {
  const { connections, read_models, due_next_24h } = status;
  return (
    <div class="notice notice-good">
      <p>
        <strong>Nothing is wrong.</strong> {formatCount(connections.open, "connection")} without a failure,{" "}
        {formatCount(read_models.total, "read model")} in step with the log, every role has a process,{" "}
        {formatCount(due_next_24h.connections, "connection")} due in the next 24 hours.
      </p>
    </div>
  );
}

function Figures({ status }: { status: AdminStatus }) {
  const { connections, hosts, queue, due_next_24h } = status;
  const failing = connections.failing + connections.token_rejected;
  // A host whose circuit is still closed is a finding too, as soon as it has failed.
  const found = status.findings.filter(({ kind }) => kind === "host-unreachable").length;
  const silent = Math.max(hosts.open + hosts.half_open, found);
  const to = (screen: string, filter?: string) => href(["admin", screen], { status: filter });
  const waiting = `Runs waiting${waitText(queue.oldest_requested_at)}`;
  return (
    <div class="figures">
      <Figure label="Connections" value={formatNumber(connections.open)} href={to("connections")} />
      <Figure
        label="Failing connections"
        value={formatNumber(failing)}
        kind={failing ? "bad" : "good"}
        href={to("connections", "failing")}
      />
      <Figure
        label="Hosts that do not answer"
        value={formatNumber(silent)}
        kind={silent ? "bad" : "good"}
        href={to("hosts")}
      />
      <Figure label={waiting} value={formatNumber(queue.queued)} href={to("runs", "queued")} />
      <Figure label="Runs under way" value={formatNumber(queue.running)} href={to("runs", "running")} />
      <ReadModelFigure status={status} />
      <Figure label="Due in 24 hours" value={formatNumber(due_next_24h.connections)} href={to("schedule")} />
    </div>
  );
}

function ReadModelFigure({ status }: { status: AdminStatus }) {
  const { total } = status.read_models;
  const inStep = inStepOf(status);
  return (
    <Figure
      label="Read models in step"
      value={`${inStep} of ${total}`}
      kind={inStep < total ? "warn" : "good"}
      href={href(["admin", "projections"])}
    />
  );
}

const waitText = (oldest: string | null): string =>
  oldest ? `, up to ${formatSeconds(ageSeconds(oldest))}` : "";
