// What an auditor's screen shows if a moment in its address is none.
import { route, href } from "../router.ts";
import { hasInvalidMoment } from "./moments.ts";

/** Whether the present address has a parameter of one of these names that is no moment. */
export const isInvalidAddress = (names: readonly string[]): boolean =>
  hasInvalidMoment(route.value.query, names);

export function InvalidMoment() {
  return (
    <p class="notice notice-warn" role="alert">
      This link has no valid moment. A moment is a day of the calendar, such as 2026-05-03, or a time such as
      2026-05-03T12:00:00Z. <a href={href(route.value.path)}>Open the screen without one.</a>
    </p>
  );
}
