// Lists that are loaded page by page, a page more each time the reader asks for it.
import { useState } from "preact/hooks";
import { unwrap, useLoaded, type Loaded, type LoadOptions } from "../api.ts";

export interface PageQuery {
  readonly limit: number;
  readonly cursor?: string;
}

/** Requests one page. */
export type PageRequest<T> = (
  page: PageQuery,
  signal: AbortSignal,
) => Parameters<typeof unwrap<{ items: T[]; next_cursor: string | null }>>[0];

export interface Pages<T> {
  readonly items: T[];
  readonly hasMore: boolean;
}

const PAGE_SIZE = 100;
export const MAX_PAGE_SIZE = 500;

/** Load the first pages of a list, one page more after each `showMore`; `keys` are its filters. */
export function usePaged<T>(
  request: PageRequest<T>,
  keys: readonly unknown[],
  options: LoadOptions,
): { readonly loaded: Loaded<Pages<T>>; readonly showMore: () => void } {
  const key = JSON.stringify(keys);
  const [shown, setShown] = useState({ key, pages: 1 });
  const pages = shown.key === key ? shown.pages : 1;
  const loaded = useLoaded((signal) => loadPages(request, pages, signal), keys, options);
  const showMore = (): void => {
    setShown({ key, pages: pages + 1 });
    loaded.reload();
  };
  return { loaded, showMore };
}

/** Load at most `pages` pages of a list. */
export async function loadPages<T>(
  request: PageRequest<T>,
  pages: number,
  signal: AbortSignal,
  limit = PAGE_SIZE,
): Promise<Pages<T>> {
  const items: T[] = [];
  let query: PageQuery = { limit };
  for (let page = 0; page < pages; page += 1) {
    const { items: some, next_cursor } = await unwrap(request(query, signal));
    items.push(...some);
    if (!next_cursor) return { items, hasMore: false };
    query = { limit, cursor: next_cursor };
  }
  return { items, hasMore: true };
}
