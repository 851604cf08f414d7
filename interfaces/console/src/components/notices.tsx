// What stands in place of data: loading, nothing there, a problem, an unknown address.
import type { ComponentChildren } from "preact";
import type { Loaded, Problem } from "../api.ts";
import { formatClockSeconds } from "../format.ts";
import type { Role } from "../types.ts";

export function Loading({ text = "Loading…" }: { text?: string }) {
  return (
    <p class="loading" role="status">
      {text}
    </p>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** A problem in the words of the API, with the way out and the id for support. */
export function ProblemNotice({ problem, onRetry }: { problem: Problem; onRetry?: () => void }) {
  return (
    <div class="notice notice-bad" role="alert">
      <p>
        <strong>{problem.title}</strong> {problem.detail}
      </p>
      {problem.errors && problem.errors.length > 0 && (
        <ul>
          {problem.errors.map((error) => (
            <li>
              {error.loc.slice(1).join(".")}: {error.msg}
            </li>
          ))}
        </ul>
      )}
      <p class="fine">
        {problem.status > 0 && (
          <a href={problem.type} target="_blank" rel="noreferrer">
            What does this mean?
          </a>
        )}
        {problem.request_id && <span>Request {problem.request_id}</span>}
        {onRetry && (
          <button type="button" onClick={onRetry}>
            Try again
          </button>
        )}
      </p>
    </div>
  );
}

/** Draw loaded data, or what stands in their place. */
export function Shown<T>({
  loaded,
  children,
}: {
  loaded: Loaded<T>;
  children: (data: T) => ComponentChildren;
}) {
  const { data, loadedAt, problem, reload } = loaded;
  return (
    <>
      {problem && <ProblemNotice problem={problem} onRetry={reload} />}
      {problem && loadedAt !== undefined && (
        <p class="notice notice-warn">The data below were loaded at {formatClockSeconds(loadedAt)}.</p>
      )}
      {data !== undefined ? children(data) : !problem && <Loading />}
    </>
  );
}

/** Stands in place of a screen that the roles of the reader do not include. */
export function RoleMissing({ role }: { role: Role }) {
  return (
    <section class="page">
      <h1>Role missing</h1>
      <p>
        This page is for people with the role {role}, which your token does not include. The links above
        lead to the screens that you can use.
      </p>
    </section>
  );
}

export function NotFound() {
  return (
    <section class="page">
      <h1>This page does not exist</h1>
      <p>The address may be incomplete. The links above lead to every screen.</p>
    </section>
  );
}
