// The messages that are shown above the page.
import { dismissToast, toasts } from "../toasts.ts";

export function ToastList() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, kind, title, text, href }) => (
        <div class={`toast toast-${kind}`} key={id}>
          <div>
            {href ? <a href={href}>{title}</a> : <strong>{title}</strong>}
            {text && <p>{text}</p>}
          </div>
          <button type="button" class="quiet" aria-label="Close" onClick={() => dismissToast(id)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
