// The newest signed checkpoints: the tree at one size, with who signed it.
import type { Loaded } from "../api.ts";
import { DataTable, type Column } from "../components/data-table.tsx";
import { Empty, Shown } from "../components/notices.tsx";
import { Card } from "../components/page.tsx";
import { Time } from "../components/text.tsx";
import { formatNumber } from "../format.ts";
import type { SignedCheckpoint } from "./audit-types.ts";
import { saveFile } from "./downloads.ts";

/** The name of the file of a checkpoint. */
export const checkpointFile = ({ size }: SignedCheckpoint): string => `checkpoint-${size}`;

const COLUMNS: readonly Column<SignedCheckpoint>[] = [
  { title: "Signed", cell: ({ sealed_at }) => <Time value={sealed_at} mode="seconds" /> },
  { title: "Events", isNumber: true, cell: ({ size }) => formatNumber(size) },
  { title: "Up to position", isNumber: true, cell: ({ last_position }) => formatNumber(last_position) },
  { title: "Root of the tree", cell: ({ root }) => <code class="hash">{root}</code> },
  { title: "Witnesses", cell: ({ cosigners }) => (cosigners.length ? cosigners.join(", ") : "none") },
  {
    title: "File",
    cell: (checkpoint) => (
      <button type="button" onClick={() => saveFile(checkpointFile(checkpoint), checkpoint.note)}>
        Download<span class="sr"> the checkpoint of {checkpoint.size} events</span>
      </button>
    ),
  },
];

export function CheckpointList({ checkpoints }: { checkpoints: Loaded<SignedCheckpoint[]> }) {
  return (
    <Card title="Signed checkpoints" wide>
      <Shown loaded={checkpoints}>
        {(items) =>
          items.length ? (
            <DataTable
              caption="The newest checkpoints"
              columns={COLUMNS}
              rows={items}
              keyOf={({ size }) => size}
            />
          ) : (
            <Empty>
              There is no signed checkpoint yet: the first one follows the first event within seconds.
            </Empty>
          )
        }
      </Shown>
      <p class="fine">
        Keep one: a later verification proves that the log continues it. Most that are older than an hour are
        deleted.
      </p>
    </Card>
  );
}
