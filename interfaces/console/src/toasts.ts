// Short messages that appear above the page and disappear by themselves.
import { signal } from "@preact/signals";

export interface Toast {
  readonly id: number;
  readonly kind: "info" | "good" | "bad";
  readonly title: string;
  readonly text?: string;
  readonly href?: string;
}

const TOAST_MS = 12_000;
const MAX_TOASTS = 4;
let lastId = 0;

export const toasts = signal<readonly Toast[]>([]);

/** Show a message for some seconds. */
export function showToast(toast: Omit<Toast, "id">): void {
  lastId += 1;
  const id = lastId;
  toasts.value = [...toasts.value, { ...toast, id }].slice(-MAX_TOASTS);
  setTimeout(() => dismissToast(id), TOAST_MS);
}

export function dismissToast(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}
