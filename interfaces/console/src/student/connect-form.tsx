// Connects a new Canvas account; a problem is shown at the field that it is about.
import { useState } from "preact/hooks";
import { api, dataVersion, unwrap, type Problem } from "../api.ts";
import { Field, useAction } from "../components/form.tsx";
import { ProblemNotice } from "../components/notices.tsx";
import { showToast } from "../toasts.ts";
import { slugOf } from "./canvas-account.ts";

type FieldName = "canvas_url" | "api_token" | "canvas_name";

const FIELD_BY_PROBLEM: Readonly<Record<string, FieldName>> = {
  "canvas-url-not-allowed": "canvas_url",
  "canvas-unreachable": "canvas_url",
  "canvas-timeout": "canvas_url",
  "connection-exists": "canvas_url",
  "canvas-token-rejected": "api_token",
  "canvas-user-mismatch": "api_token",
};

/** The id of the existing connection, which means nothing to a reader. */
const CONNECTION_ID = /, [0-9a-f]{8}-[0-9a-f-]{27}(?=:)/;

/** Return the texts of a problem by field; empty if it is about none of the fields. */
export function errorsByField(problem: Problem | undefined): Partial<Record<FieldName, string>> {
  if (!problem) return {};
  const field = FIELD_BY_PROBLEM[slugOf(problem)];
  if (field) return { [field]: problem.detail.replace(CONNECTION_ID, "") };
  const faults = (problem.errors ?? []).filter(({ loc }) => loc[0] === "body" && loc[1]);
  return Object.fromEntries(faults.map(({ loc, msg }) => [String(loc[1]), msg]));
}

export const TOKEN_HINT = "From Canvas: Account > Settings > New access token. It is stored encrypted.";

export function ConnectForm() {
  const [address, setAddress] = useState("");
  const [token, setToken] = useState("");
  const [name, setName] = useState("");
  const action = useAction(async () => {
    const { connection } = await unwrap(
      api.POST("/api/v1/canvas/setup", {
        body: { canvas_url: address, api_token: token, ...(name.trim() ? { canvas_name: name } : {}) },
      }),
    );
    setAddress("");
    setToken("");
    setName("");
    dataVersion.value += 1;
    showToast({
      kind: "good",
      title: `${connection.canvas_name} is connected`,
      text: "The first sync has begun. Courses appear as they are read.",
    });
  });
  const errors = errorsByField(action.problem);
  const isPlaced = Object.keys(errors).length > 0;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        action.run();
      }}
    >
      <Field
        label="Canvas address"
        hint="As in your browser, for example https://school.instructure.com"
        autocomplete="off"
        required
        value={address}
        onChange={setAddress}
        error={errors.canvas_url}
      />
      <Field
        label="Access token"
        type="password"
        hint={TOKEN_HINT}
        autocomplete="off"
        required
        value={token}
        onChange={setToken}
        error={errors.api_token}
      />
      <Field
        label="Name (optional)"
        hint="How this account is called here. Without one, the host of Canvas."
        autocomplete="off"
        value={name}
        onChange={setName}
        error={errors.canvas_name}
      />
      <div class="actions">
        <button type="submit" class="main" disabled={action.isBusy}>
          {action.isBusy ? "Checking the token at Canvas…" : "Connect"}
        </button>
      </div>
      {action.problem && !isPlaced && <ProblemNotice problem={action.problem} />}
    </form>
  );
}
