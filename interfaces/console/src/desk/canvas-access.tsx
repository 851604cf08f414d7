// The student's access token, and whether Canvas answers at all.
import { signal } from "@preact/signals";
import { api, unwrap, useLoaded } from "../api.ts";
import { ActionButton } from "../components/form.tsx";
import { Shown } from "../components/notices.tsx";
import { Card } from "../components/page.tsx";
import { Badge } from "../components/text.tsx";
import { href } from "../router.ts";
import { change, controlVersion, noSyncReason } from "./changes.ts";
import { changeControl, readControl, type ServerStatus, type TokenState } from "./control-api.ts";

/** The token that was issued here and is not in use yet. */
const issuedToken = signal<string | undefined>(undefined);

export function StudentToken() {
  const tokens = useLoaded(() => readControl<TokenState[]>("tokens", { student: "0" }), [controlVersion.value]);
  return (
    <Card title="Access token of the student">
      <Shown loaded={tokens}>
        {(all) => {
          const valid = all.filter((token) => token.valid).length;
          return (
            <p>
              {valid > 0 ? <Badge kind="good">Valid</Badge> : <Badge kind="bad">Expired</Badge>}{" "}
              {valid > 0
                ? `The newest token begins with ${all.at(-1)?.begins}.`
                : "Canvas refuses every token of the student."}
            </p>
          );
        }}
      </Shown>
      <div class="actions">
        <ActionButton
          kind="danger"
          act={async () => {
            issuedToken.value = undefined;
            await change("expire_token");
          }}
        >
          Expire the token
        </ActionButton>
        <ActionButton
          act={async () => {
            issuedToken.value = await changeControl<string>("issue_token");
            controlVersion.value += 1;
          }}
        >
          Issue a new token
        </ActionButton>
      </div>
      {issuedToken.value && <IssuedToken token={issuedToken.value} />}
    </Card>
  );
}

function IssuedToken({ token }: { token: string }) {
  return (
    <div class="notice">
      <p>
        The new token is <code>{token}</code>
      </p>
      <p>
        Paste it on the screen <a href={href(["student", "connections"])}>Canvas accounts</a>, as the student does, or:
      </p>
      <div class="actions">
        <ActionButton act={() => repair(token)}>Repair the connection with it</ActionButton>
      </div>
    </div>
  );
}

/** Replace the token of the student's connection; the service then syncs by itself. */
async function repair(token: string): Promise<void> {
  const { items } = await unwrap(api.GET("/api/v1/canvas/connections", {}));
  if (items.length === 0) throw new Error("The student has no connection; connect a Canvas account first.");
  for (const { id } of items) {
    await unwrap(
      api.PUT("/api/v1/canvas/connections/{connection_id}/token", {
        params: { path: { connection_id: id } },
        body: { api_token: token },
      }),
    );
  }
  issuedToken.value = undefined;
  noSyncReason.value = undefined;
  controlVersion.value += 1;
}

export function CanvasServer() {
  const status = useLoaded(() => readControl<ServerStatus>("status"), [controlVersion.value]);
  return (
    <Card title="Canvas itself">
      <Shown loaded={status}>
        {({ away }) => (
          <>
            <p>
              {away ? <Badge kind="bad">Away</Badge> : <Badge kind="good">Answers</Badge>}{" "}
              {away ? "Each request to Canvas fails." : "Canvas answers each request."}
            </p>
            <div class="actions">
              {away ? (
                <ActionButton key="back" kind="main" act={async () => void (await change("host_back"))}>
                  Bring Canvas back
                </ActionButton>
              ) : (
                <ActionButton
                  key="away"
                  kind="danger"
                  act={async () => void (await change("host_away", { how: "unavailable" }))}
                >
                  Take Canvas away
                </ActionButton>
              )}
            </div>
          </>
        )}
      </Shown>
    </Card>
  );
}
