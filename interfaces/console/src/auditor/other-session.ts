// What is kept in memory for one signed-in person is forgotten when another session begins.
import { effect } from "@preact/signals";
import { session } from "../session/session.ts";

/** Call `forget` whenever the session is that of another person, or ends. */
export function onOtherSession(forget: () => void): void {
  let last: string | undefined;
  effect(() => {
    const current = session.value?.userId;
    if (current === last) return;
    last = current;
    forget();
  });
}
