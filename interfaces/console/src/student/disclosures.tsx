// Who has looked at the person's history: when, who, what, and for which purpose.
import { useState } from "preact/hooks";
import { api, unwrap, useLoaded } from "../api.ts";
import { DataTable, type Column } from "../components/data-table.tsx";
import { Empty, Shown } from "../components/notices.tsx";
import { Time } from "../components/text.tsx";
import type { Connection, Schemas } from "../types.ts";
import { useConnections } from "./student-data.ts";
import { readerText, viewText } from "./words.ts";

type Disclosure = Schemas["Disclosure"];
const PAGE = 50;
const MAX = 500;

export function Disclosures() {
  const [limit, setLimit] = useState(PAGE);
  const connections = useConnections();
  const readings = useLoaded(
    (signal) => unwrap(api.GET("/api/v1/me/disclosures", { params: { query: { limit } }, signal })),
    [limit],
    { isLive: true, isKept: true, everySeconds: 30 },
  );
  return (
    <>
      <p class="fine">
        Auditors may look at the history of your data, and must state a purpose first. Each look is listed
        here, the newest first.
      </p>
      <Shown loaded={readings}>
        {({ items, next_cursor }) =>
          items.length ? (
            <>
              <DataTable
                caption="Who looked at your data"
                columns={columnsOf(connections.data ?? [])}
                rows={items}
                keyOf={({ position }) => position}
              />
              {next_cursor && limit < MAX && (
                <button type="button" disabled={readings.isLoading} onClick={() => setLimit(MAX)}>
                  Show older ones
                </button>
              )}
              {next_cursor && limit >= MAX && (
                <p class="fine">Older ones are in the file that you get under “Take your data along”.</p>
              )}
            </>
          ) : (
            <Empty>No one has looked at your history.</Empty>
          )
        }
      </Shown>
    </>
  );
}

function columnsOf(connections: readonly Connection[]): readonly Column<Disclosure>[] {
  const names = new Map(connections.map(({ id, canvas_name }) => [id, canvas_name]));
  return [
    { title: "When", cell: ({ read_at }) => <Time value={read_at} /> },
    { title: "Who", cell: ({ reader }) => readerText(reader) },
    {
      title: "What",
      cell: ({ what, connection_id }) => (
        <div>
          {viewText(what)}
          {connection_id && <p class="fine">{names.get(connection_id) ?? "A removed Canvas account"}</p>}
        </div>
      ),
    },
    { title: "Why", cell: ({ purpose }) => purpose ?? "No purpose was recorded" },
  ];
}
