// The filters of the stream browser; they are in the address.
import { useState } from "preact/hooks";
import { Choice, Field } from "../components/form.tsx";
import { setParameters } from "../router.ts";
import type { EventFilter } from "./audit-requests.ts";
import { TYPE_CHOICES } from "./event-types.ts";
import { fromLocalField, momentOf, toLocalField } from "./moments.ts";

const ORDERS = [
  ["-position", "Newest first"],
  ["position", "Oldest first"],
] as const;

/** Return the filter that an address has. */
export function filterOf(query: URLSearchParams): EventFilter {
  return {
    type: query.get("type") ?? undefined,
    since: momentOf(query.get("since")),
    until: momentOf(query.get("until")),
    sort: query.get("sort") === "position" ? "position" : "-position",
  };
}

export function EventFilters({ filter }: { filter: EventFilter }) {
  const [type, setType] = useState(filter.type ?? "");
  const [since, setSince] = useState(toLocalField(filter.since));
  const [until, setUntil] = useState(toLocalField(filter.until));
  const [sort, setSort] = useState<string>(filter.sort ?? "-position");
  const isListed = TYPE_CHOICES.some(([value]) => value === type);
  const submit = (event: Event) => {
    event.preventDefault();
    setParameters({
      type,
      since: fromLocalField(since),
      until: fromLocalField(until),
      sort: sort === "position" ? sort : undefined,
    });
  };
  return (
    <form class="filters filters-wide" onSubmit={submit}>
      <Choice
        label="Type"
        value={type}
        options={isListed ? TYPE_CHOICES : [[type, type], ...TYPE_CHOICES]}
        onChange={setType}
      />
      <Field label="Since" type="datetime-local" step="1" value={since} onChange={setSince} />
      <Field label="Until" type="datetime-local" step="1" value={until} onChange={setUntil} />
      <Choice label="Order" value={sort} options={ORDERS} onChange={setSort} />
      <button type="submit" class="main">
        Apply
      </button>
    </form>
  );
}
