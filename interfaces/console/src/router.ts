// The address of a screen is the fragment of the URL, so that every screen and every moment is a link.
import { computed, signal } from "@preact/signals";
import { routeOf, type Route } from "./fragment.ts";

export type { Route };

const fragment = signal(location.hash);
addEventListener("hashchange", () => {
  fragment.value = location.hash;
});

/** The present route. */
export const route = computed<Route>(() => routeOf(fragment.value));

type Parameters = Record<string, string | undefined>;

/** Return the address of a screen; parameters without a value are left out. */
export function href(path: readonly string[], parameters: Parameters = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value) query.set(name, value);
  const text = query.toString();
  return `#/${path.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

/** Go to a screen, as a click on its link does. */
export function navigate(path: readonly string[], parameters: Parameters = {}): void {
  location.hash = href(path, parameters);
}

/** Change parameters of the present screen, without a new entry in the browser's history. */
export function setParameters(changes: Parameters): void {
  const { path, query } = route.value;
  const parameters = { ...Object.fromEntries(query), ...changes };
  history.replaceState(null, "", href(path, parameters));
  fragment.value = location.hash;
}
