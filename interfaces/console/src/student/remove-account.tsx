// Removes a Canvas account after a confirmation.
import { useState } from "preact/hooks";
import { api, dataVersion, unwrap } from "../api.ts";
import { ActionButton, Dialog } from "../components/form.tsx";
import { showToast } from "../toasts.ts";
import type { Connection } from "../types.ts";

export function RemoveAccount({ connection }: { connection: Connection }) {
  const [isOpen, setOpen] = useState(false);
  const { id, canvas_name } = connection;
  const remove = async () => {
    await unwrap(
      api.DELETE("/api/v1/canvas/connections/{connection_id}", { params: { path: { connection_id: id } } }),
    );
    setOpen(false);
    dataVersion.value += 1;
    showToast({ kind: "info", title: `${canvas_name} is removed`, text: "Its token is destroyed." });
  };
  return (
    <>
      <button type="button" class="danger" onClick={() => setOpen(true)}>
        Remove
      </button>
      {isOpen && (
        <Dialog title={`Remove ${canvas_name}?`} onClose={() => setOpen(false)}>
          <p>
            The access token is destroyed, no sync runs any more, and the courses, assignments and grades of
            this account disappear from these screens.
          </p>
          <p>
            The recorded history stays, for audits. To remove that too, choose “Erase everything” under
            “Your data”. Nothing changes in Canvas.
          </p>
          <div class="actions">
            <ActionButton kind="danger" busyText="Removing…" act={remove}>
              Remove the account
            </ActionButton>
            <button type="button" onClick={() => setOpen(false)}>
              Keep it
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}
