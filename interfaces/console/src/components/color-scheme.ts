// Whether the page is shown in light or dark colours, and when that changes.
import { useEffect, useState } from "preact/hooks";

export type ColorScheme = "light" | "dark";

/** Return the present colour scheme, and draw again when it changes. */
export function useColorScheme(): ColorScheme {
  const [query] = useState(() => matchMedia("(prefers-color-scheme: dark)"));
  const [isDark, setDark] = useState(query.matches);
  useEffect(() => {
    const update = (): void => setDark(query.matches);
    query.addEventListener("change", update);
    return () => query.removeEventListener("change", update);
  }, []);
  return isDark ? "dark" : "light";
}
