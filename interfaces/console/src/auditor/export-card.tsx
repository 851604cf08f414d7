// The export of a history with its proofs, and how it is verified without this server.
import { useState } from "preact/hooks";
import { api, unwrap } from "../api.ts";
import { Field, useAction } from "../components/form.tsx";
import { ProblemNotice } from "../components/notices.tsx";
import { Card } from "../components/page.tsx";
import { formatNumber } from "../format.ts";
import { nameOfConnection } from "./connection-head.tsx";
import { readAll, saveFile } from "./downloads.ts";

export function ExportCard({ connection }: { connection: string }) {
  const [id, setId] = useState(connection);
  const [kilobytes, setKilobytes] = useState(0);
  const name = `easeboard-${id.trim() || "CONNECTION"}.ndjson`;
  const action = useAction(async () => {
    setKilobytes(0);
    const stream = await loadExport(id.trim());
    saveFile(name, await readAll(stream, (count) => setKilobytes(Math.round(count / 1000))));
  });
  const submit = (event: Event) => {
    event.preventDefault();
    action.run();
  };
  return (
    <Card title="Export of a history" wide>
      <p>
        The file has every event of one connection with its proof. It is verified on any machine with the key
        alone, without this server and its database.
      </p>
      <form class="inline-form" onSubmit={submit}>
        <Field
          label="Connection id"
          value={id}
          onChange={setId}
          hint={
            connection && id === connection
              ? nameOfConnection(id)
              : "It is in the address of each screen of a connection."
          }
          required
        />
        <button type="submit" class="main" disabled={action.isBusy || !id.trim()}>
          {action.isBusy ? `Loading… ${formatNumber(kilobytes)} kB` : "Download the export"}
        </button>
      </form>
      {action.problem && <ProblemNotice problem={action.problem} />}
      <p>Then, with the key that you have kept:</p>
      <pre tabIndex={0}>{`easeboard audit verify ${name} --vkey vkey`}</pre>
    </Card>
  );
}

/** Request the export; the types of the client know only JSON, and this is a stream of lines. */
async function loadExport(connectionId: string): Promise<ReadableStream<Uint8Array<ArrayBuffer>>> {
  const stream = await unwrap(
    api.GET("/api/v1/audit/connections/{connection_id}/export", {
      params: { path: { connection_id: connectionId } },
      parseAs: "stream",
    }),
  );
  return stream as ReadableStream<Uint8Array<ArrayBuffer>>;
}
