// The title of a screen, its actions and its cards.
import type { ComponentChildren } from "preact";
import { useEffect, useId } from "preact/hooks";

interface PageProps {
  title: string;
  lead?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
}

/** A screen: one heading of level 1, which is also the title of the document. */
export function Page({ title, lead, actions, children }: PageProps) {
  useEffect(() => {
    document.title = `${title} · easeboard`;
  }, [title]);
  return (
    <section class="page">
      <header class="page-head">
        <div>
          <h1>{title}</h1>
          {lead && <p class="lead">{lead}</p>}
        </div>
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </section>
  );
}

/** A framed part of a screen with a heading of level 2. */
export function Card({
  title,
  actions,
  children,
  wide = false,
}: {
  title?: string;
  actions?: ComponentChildren;
  children: ComponentChildren;
  wide?: boolean;
}) {
  const id = useId();
  return (
    <section class={wide ? "card card-wide" : "card"} aria-labelledby={title ? id : undefined}>
      {(title || actions) && (
        <header class="card-head">
          {title && <h2 id={id}>{title}</h2>}
          {actions && <div class="actions">{actions}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

/** One figure with its name, for example "Missing 3". */
export function Figure({
  label,
  value,
  kind = "plain",
  href,
}: {
  label: string;
  value: ComponentChildren;
  kind?: "plain" | "good" | "bad" | "warn";
  href?: string;
}) {
  const content = (
    <>
      <span class="figure-value">{value}</span>
      <span class="figure-label">{label}</span>
    </>
  );
  const name = `figure figure-${kind}`;
  return href ? (
    <a class={name} href={href}>
      {content}
    </a>
  ) : (
    <div class={name}>{content}</div>
  );
}
