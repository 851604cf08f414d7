// How far the sync of a Canvas account is.
import { formatCount } from "../format.ts";
import type { Connection, Sync } from "../types.ts";

export function SyncProgress({ connection, sync }: { connection: Connection; sync: Sync }) {
  const { done, failed, total } = sync.courses;
  const isCounted = sync.status === "running" && total > 0;
  const name = `Sync of ${connection.canvas_name}`;
  return (
    <div class="sync-progress">
      <p>
        <strong>{name}</strong>
        <span>
          {isCounted
            ? `${done + failed} of ${formatCount(total, "course")} read`
            : sync.status === "queued"
              ? "Waiting to start"
              : "Reading the list of courses"}
        </span>
      </p>
      {isCounted ? (
        <progress class="bar" aria-label={name} max={total} value={done + failed} />
      ) : (
        <progress class="bar" aria-label={name} />
      )}
    </div>
  );
}
