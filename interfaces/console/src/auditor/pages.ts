// A list that is loaded page by page, as the reader wants more of it.
import { useEffect, useMemo, useState } from "preact/hooks";

interface PageOf<T> {
  readonly items: readonly T[];
  readonly next_cursor: string | null;
}

interface Pages<T> {
  readonly items: readonly T[];
  readonly hasMore: boolean;
  readonly loadMore: () => Promise<void>;
}

/** Return the items of the first page and of those that were loaded after it. */
export function usePages<T>(
  first: PageOf<T> | undefined,
  load: (cursor: string) => Promise<PageOf<T>>,
): Pages<T> {
  const [more, setMore] = useState<{ of: PageOf<T> | undefined; page: PageOf<T> } | undefined>();
  useEffect(() => setMore(undefined), [first]);
  const added = more?.of === first ? more?.page : undefined;
  const items = useMemo(() => [...(first?.items ?? []), ...(added?.items ?? [])], [first, added]);
  const cursor = added ? added.next_cursor : (first?.next_cursor ?? null);
  const loadMore = async () => {
    if (cursor === null) return;
    const page = await load(cursor);
    setMore({ of: first, page: { ...page, items: [...(added?.items ?? []), ...page.items] } });
  };
  return { items, hasMore: cursor !== null, loadMore };
}
