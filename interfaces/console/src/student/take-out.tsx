// Downloads everything that is known about the person, as one file.
import { api, unwrap } from "../api.ts";
import { ActionButton } from "../components/form.tsx";
import { fileNameOf, saveFile } from "./download.ts";

export function TakeOut() {
  return (
    <>
      <p>
        One file with your courses, assignments, grades, every change of a grade, all syncs, who looked, and
        the whole recorded history.
      </p>
      <div class="actions">
        <ActionButton busyText="Collecting your data…" act={() => saveExport("json", "easeboard.json")}>
          Download as JSON
        </ActionButton>
        <ActionButton busyText="Collecting your data…" act={() => saveExport("csv", "easeboard.zip")}>
          Download as CSV
        </ActionButton>
      </div>
      <p class="fine">CSV is a zip archive with one table for each list, for any spreadsheet program.</p>
    </>
  );
}

async function saveExport(format: "json" | "csv", name: string): Promise<void> {
  const answer = await api.GET("/api/v1/me/export", { params: { query: { format } }, parseAs: "blob" });
  const blob = (await unwrap(Promise.resolve(answer))) as unknown as Blob;
  saveFile(blob, fileNameOf(answer.response, name));
}
