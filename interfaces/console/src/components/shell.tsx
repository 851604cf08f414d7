// The frame of every screen: brand, navigation, who is signed in, and messages.
import type { ComponentChildren } from "preact";
import { liveState } from "../live.ts";
import { href, route } from "../router.ts";
import { session, signOut } from "../session/session.ts";
import { homeOf, sectionsOf, type Link } from "./sections.ts";
import { ToastList } from "./toast-list.tsx";

const LIVE_TEXTS = { open: "Live", connecting: "Connecting…", waiting: "Not connected", closed: "Ended" };

export function Shell({ section, children }: { section: string; children: ComponentChildren }) {
  const current = session.value;
  if (!current) return null;
  const sections = sectionsOf(current);
  const shown = sections.find(({ name }) => name === section);
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={focusMain}>
        Skip to the content
      </a>
      <header class="top">
        <a class="brand" href={href([homeOf(current)])}>
          easeboard
        </a>
        <nav aria-label="Parts" class="parts">
          {sections.map(({ name, label }) => (
            <a href={href([name])} aria-current={name === section ? "true" : undefined}>
              {label}
            </a>
          ))}
        </nav>
        <p class="who">
          <span class={`live live-${liveState.value}`} role="status">
            {LIVE_TEXTS[liveState.value]}
          </span>
          <span class="role">{current.roles.join(", ")}</span>
          <button type="button" class="quiet" onClick={() => signOut()}>
            Sign out
          </button>
        </p>
      </header>
      {shown && shown.links.length > 1 && <Screens section={section} links={shown.links} />}
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <ToastList />
    </div>
  );
}

function Screens({ section, links }: { section: string; links: readonly Link[] }) {
  const [, name = ""] = route.value.path;
  return (
    <nav aria-label="Screens" class="screens">
      {links.map(({ path, label }) => (
        <a href={href(path)} aria-current={(path[1] ?? "") === name && path[0] === section ? "page" : undefined}>
          {label}
        </a>
      ))}
    </nav>
  );
}

function focusMain(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}
