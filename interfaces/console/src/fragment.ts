// Splits the fragment of the URL into the path and the parameters of a screen.

export interface Route {
  /** For example ["student", "courses", "8c1…"]; empty on the start page. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

/** Return the route of a fragment such as "#/student/courses?change=8c1…". */
export function routeOf(fragment: string): Route {
  const [path = "", query = ""] = fragment.replace(/^#\/?/, "").split("?", 2);
  return { path: path.split("/").filter(Boolean).map(decoded), query: new URLSearchParams(query) };
}

/** Return a part of a path without its escapes, or as it is if they are malformed. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Return the own property of a record; a name such as "constructor" in an address has none. */
export const ownOf = <T>(record: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(record, name) ? record[name] : undefined;
