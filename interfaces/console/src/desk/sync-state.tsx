// One line for a Canvas account: its sync under way with its progress, or how the last one ended.
import { Badge, Time } from "../components/text.tsx";
import { liveSyncs } from "../live.ts";
import type { Connection, Sync } from "../types.ts";

export function SyncState({ connection }: { connection: Connection }) {
  const sync = liveSyncs.value[connection.id];
  if (connection.status === "token_rejected") {
    return (
      <p class="desk-sync">
        <Badge kind="bad">Token rejected</Badge> Canvas refuses the token of {connection.canvas_name}.
      </p>
    );
  }
  if (sync && !sync.finished_at) return <UnderWay sync={sync} name={connection.canvas_name} />;
  if (sync?.error) {
    return (
      <p class="desk-sync">
        <Badge kind="bad">Last sync failed</Badge> {sync.error.detail}
      </p>
    );
  }
  return (
    <p class="desk-sync">
      <Badge kind="good">Connected</Badge> {connection.canvas_name}, synced{" "}
      <Time value={connection.last_synced_at} mode="seconds" none="not yet" />
    </p>
  );
}

function UnderWay({ sync, name }: { sync: Sync; name: string }) {
  const { total, done, failed } = sync.courses;
  return (
    <p class="desk-sync">
      <Badge kind="info">Syncing</Badge> {total ? `${done + failed} of ${total} courses` : name}
      <progress
        class="bar"
        aria-label={`Sync of ${name} on the desk`}
        max={total || 1}
        {...(total ? { value: done + failed } : {})}
      />
    </p>
  );
}
