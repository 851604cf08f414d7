// Who read what, when, and for which purpose.
import { useState } from "preact/hooks";
import { api, unwrap, useLoaded } from "../api.ts";
import { DataTable, type Column } from "../components/data-table.tsx";
import { ActionButton, Field } from "../components/form.tsx";
import { Empty, Shown } from "../components/notices.tsx";
import { Card, Page } from "../components/page.tsx";
import { Badge, Time } from "../components/text.tsx";
import { href, route, setParameters } from "../router.ts";
import { session } from "../session/session.ts";
import type { RecordedReading } from "./audit-types.ts";
import { ConnectionLinks, nameOfConnection } from "./connection-head.tsx";
import { InvalidMoment, isInvalidAddress } from "./invalid-moment.tsx";
import { fromLocalField, momentOf, toLocalField } from "./moments.ts";
import { usePages } from "./pages.ts";
import { readingText } from "./reading-text.ts";

interface ReadingFilter {
  readonly reader: string;
  readonly connection_id: string;
  readonly since: string | undefined;
}

const COLUMNS: readonly Column<RecordedReading>[] = [
  { title: "When", cell: ({ read_at }) => <Time value={read_at} mode="seconds" /> },
  {
    title: "Reader",
    cell: ({ reader }) => (
      <span>
        <a href={href(["auditor", "readings"], { reader })}>{reader}</a>{" "}
        {reader === session.value?.userId && <Badge kind="info">you</Badge>}
      </span>
    ),
  },
  { title: "Purpose", cell: ({ purpose }) => <strong>{purpose ?? "none was required then"}</strong> },
  { title: "What", cell: ({ what }) => readingText(what) },
  {
    title: "Whose",
    cell: ({ connection_id, user_id }) =>
      connection_id ? (
        <a href={href(["auditor", "events", connection_id])}>{nameOfConnection(connection_id)}</a>
      ) : (
        (user_id ?? "many people")
      ),
  },
];

export function ReadingList() {
  const connection = route.value.query.get("connection_id");
  return (
    <Page
      title="Who read what"
      lead="Every reading of a student's history, and of lists about students, the newest first."
    >
      {connection && <ConnectionLinks id={connection} />}
      {isInvalidAddress(["since"]) ? <InvalidMoment /> : <Readings />}
    </Page>
  );
}

function Readings() {
  const { query } = route.value;
  const filter: ReadingFilter = {
    reader: query.get("reader") ?? "",
    connection_id: query.get("connection_id") ?? "",
    since: momentOf(query.get("since")),
  };
  const key = JSON.stringify(filter);
  const first = useLoaded((signal) => loadPage(filter, undefined, signal), [key]);
  const { items, hasMore, loadMore } = usePages(first.data, (cursor) => loadPage(filter, cursor));
  return (
    <>
      <Card wide>
        <ReadingFilters key={key} filter={filter} />
      </Card>
      <Shown loaded={first}>
        {() => (
          <Card wide>
            {items.length === 0 && !hasMore && <Empty>No reading fits. Remove a filter to see more.</Empty>}
            {items.length > 0 && (
              <DataTable
                caption="Readings"
                columns={COLUMNS}
                rows={items}
                keyOf={({ position }) => position}
              />
            )}
            {hasMore && <ActionButton act={loadMore}>Show more</ActionButton>}
          </Card>
        )}
      </Shown>
    </>
  );
}

function ReadingFilters({ filter }: { filter: ReadingFilter }) {
  const [reader, setReader] = useState(filter.reader);
  const [connection, setConnection] = useState(filter.connection_id);
  const [since, setSince] = useState(toLocalField(filter.since));
  const submit = (event: Event) => {
    event.preventDefault();
    setParameters({
      reader: reader.trim(),
      connection_id: connection.trim(),
      since: fromLocalField(since),
    });
  };
  return (
    <form class="filters filters-wide" onSubmit={submit}>
      <Field label="Reader" value={reader} onChange={setReader} placeholder="User id, or cli:account" />
      <Field label="Connection id" value={connection} onChange={setConnection} />
      <Field label="Since" type="datetime-local" step="1" value={since} onChange={setSince} />
      <button type="submit" class="main">
        Apply
      </button>
    </form>
  );
}

function loadPage({ reader, connection_id, since }: ReadingFilter, cursor?: string, signal?: AbortSignal) {
  const query = {
    ...(reader && { reader }),
    ...(connection_id && { connection_id }),
    ...(since && { since }),
    ...(cursor && { cursor }),
  };
  return unwrap(api.GET("/api/v1/audit/readings", { params: { query }, ...(signal && { signal }) }));
}
