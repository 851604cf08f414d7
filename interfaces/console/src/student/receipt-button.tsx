// Downloads the receipt of one grade change.
import { signal } from "@preact/signals";
import { api, problemOf, unwrap } from "../api.ts";
import { onOtherSession } from "../auditor/other-session.ts";
import { ActionButton } from "../components/form.tsx";
import type { GradeChange } from "../types.ts";
import { slugOf } from "./canvas-account.ts";
import { fileNameOf, saveFile } from "./download.ts";
import { subjectText } from "./grade-change-list.tsx";

const TRIES = 10;
const PAUSE_MS = 2000;

/** The name of the file of the receipt that was saved last. */
export const savedReceipt = signal<string | undefined>(undefined);
onOtherSession(() => {
  savedReceipt.value = undefined;
});

export function ReceiptButton({ change }: { change: GradeChange }) {
  return (
    <ActionButton kind="quiet" busyText="Preparing…" act={() => saveReceipt(change.id)}>
      Receipt<span class="sr"> of {subjectText(change)}</span>
    </ActionButton>
  );
}

/** Save the receipt; a new grade has one once a signed checkpoint covers it, after seconds. */
async function saveReceipt(changeId: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      const answer = await api.GET("/api/v1/me/grades/{change_id}/receipt", {
        params: { path: { change_id: changeId } },
        parseAs: "blob",
      });
      const blob = (await unwrap(Promise.resolve(answer))) as unknown as Blob;
      const name = fileNameOf(answer.response, `grade-receipt-${changeId}.json`);
      saveFile(blob, name);
      savedReceipt.value = name;
      return;
    } catch (error) {
      if (tries === TRIES || slugOf(problemOf(error)) !== "not-sealed") throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
