// Replaces the access token of a Canvas account; a problem is shown at the field.
import { useState } from "preact/hooks";
import { api, dataVersion, unwrap } from "../api.ts";
import { Field, useAction } from "../components/form.tsx";
import { ProblemNotice } from "../components/notices.tsx";
import { showToast } from "../toasts.ts";
import type { Connection } from "../types.ts";
import { errorsByField, TOKEN_HINT } from "./connect-form.tsx";
import { requestSync } from "./canvas-account.ts";

interface ReplaceTokenProps {
  connection: Connection;
  onClose?: (() => void) | undefined;
  onDone: () => void;
}

export function ReplaceToken({ connection, onClose, onDone }: ReplaceTokenProps) {
  const [token, setToken] = useState("");
  const action = useAction(async () => {
    await unwrap(
      api.PUT("/api/v1/canvas/connections/{connection_id}/token", {
        params: { path: { connection_id: connection.id } },
        body: { api_token: token },
      }),
    );
    dataVersion.value += 1;
    showToast({
      kind: "good",
      title: `${connection.canvas_name} has a new token`,
      text: "Canvas accepts it. A sync has been requested.",
    });
    onDone();
    // After a rejected token the server requests a sync by itself.
    if (connection.status === "active") await requestSync(connection.id);
  });
  const errors = errorsByField(action.problem);
  const error = errors.api_token ?? errors.canvas_url;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        action.run();
      }}
    >
      <Field
        label="New access token"
        type="password"
        hint={TOKEN_HINT}
        autocomplete="off"
        required
        value={token}
        onChange={setToken}
        error={error}
      />
      <div class="actions">
        <button type="submit" class="main" disabled={action.isBusy}>
          {action.isBusy ? "Checking the token at Canvas…" : "Save the token"}
        </button>
        {onClose && (
          <button type="button" onClick={onClose}>
            Keep the present token
          </button>
        )}
      </div>
      {action.problem && !error && <ProblemNotice problem={action.problem} />}
    </form>
  );
}
