// Why the auditor reads: entered once, kept in memory only, and sent with each reading.
import { signal } from "@preact/signals";
import { api } from "../api.ts";
import { onOtherSession } from "./other-session.ts";

export const PURPOSE_MAX_LENGTH = 200;

/** The purpose of the readings of this session; empty until it is given. */
export const purpose = signal("");

/** Encode a purpose for the header: HTTP permits only ASCII there, the API decodes it. */
export const encodePurpose = (text: string): string =>
  encodeURIComponent(text.replace(/\p{Surrogate}/gu, "\uFFFD"));

api.use({
  onRequest({ request, schemaPath }) {
    if (schemaPath.startsWith("/api/v1/audit") && purpose.value) {
      request.headers.set("Purpose", encodePurpose(purpose.value));
    }
  },
});

onOtherSession(() => {
  purpose.value = "";
});
