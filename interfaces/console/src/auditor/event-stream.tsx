// The stream browser: every recorded event of one connection, in sentences.
import { useMemo, useState } from "preact/hooks";
import { useLoaded } from "../api.ts";
import { ActionButton } from "../components/form.tsx";
import { Empty, NotFound, Shown } from "../components/notices.tsx";
import { Card, Page } from "../components/page.tsx";
import { route } from "../router.ts";
import type { AuditedEvent } from "./audit-types.ts";
import { loadEvents, type EventFilter, type EventPage } from "./audit-requests.ts";
import { mergeEvents } from "./causes.ts";
import { ConnectionLinks, nameOfConnection } from "./connection-head.tsx";
import { EventFilters, filterOf } from "./event-filters.tsx";
import { EventLines } from "./event-lines.tsx";
import { InvalidMoment, isInvalidAddress } from "./invalid-moment.tsx";
import { usePages } from "./pages.ts";
import { SealStatus } from "./seal-status.tsx";

export function EventStream() {
  const id = route.value.path[2];
  if (!id) return <NotFound />;
  return (
    <Page title="Events" lead={nameOfConnection(id)}>
      <ConnectionLinks id={id} />
      {isInvalidAddress(["since", "until"]) ? <InvalidMoment /> : <Stream key={id} id={id} />}
    </Page>
  );
}

function Stream({ id }: { id: string }) {
  const filter = filterOf(route.value.query);
  const key = JSON.stringify(filter);
  const first = useLoaded((signal) => loadEvents(id, filter, { signal }), [id, key]);
  return (
    <>
      <SealStatus />
      <Card wide>
        <EventFilters key={key} filter={filter} />
      </Card>
      <Shown loaded={first}>
        {(page) => <Pages key={key} id={id} filter={filter} first={page} onReload={first.reload} />}
      </Shown>
    </>
  );
}

interface PagesProps {
  id: string;
  filter: EventFilter;
  first: EventPage;
  onReload: () => void;
}

/** The first page and the ones that were loaded after it. */
function Pages({ id, filter, first, onReload }: PagesProps) {
  const { items, hasMore, loadMore } = usePages(first, (cursor) => loadEvents(id, filter, { cursor }));
  const [causes, setCauses] = useState<readonly AuditedEvent[]>([]);
  const known = useMemo(() => mergeEvents(items, causes), [items, causes]);
  const addCauses = (events: readonly AuditedEvent[]) => setCauses((old) => mergeEvents(old, events));
  return (
    <Card
      title="The history"
      wide
      actions={
        <button type="button" onClick={onReload}>
          Load again
        </button>
      }
    >
      {items.length === 0 && !hasMore && <Empty>No event fits. Remove a filter to see more.</Empty>}
      <EventLines connectionId={id} events={items} known={known} onCauses={addCauses} />
      {hasMore && <ActionButton act={loadMore}>Show more</ActionButton>}
    </Card>
  );
}
