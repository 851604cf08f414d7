// One Canvas account: state and reason, times, commands, repair, and earlier syncs.
import { useState } from "preact/hooks";
import { api, dataVersion, unwrap } from "../api.ts";
import { ActionButton } from "../components/form.tsx";
import { Card } from "../components/page.tsx";
import { Badge, ExternalLink, Time } from "../components/text.tsx";
import type { Connection, Schemas, Sync } from "../types.ts";
import { cancelSync, isUnderWay, requestSync, stateOf } from "./canvas-account.ts";
import { RemoveAccount } from "./remove-account.tsx";
import { ReplaceToken } from "./replace-token.tsx";
import { SyncHistory } from "./sync-history.tsx";
import { SyncProgress } from "./sync-progress.tsx";

interface AccountProps {
  connection: Connection;
  sync: Sync | null;
  nextSyncAt: string | null;
}

export function AccountCard({ connection, sync, nextSyncAt }: AccountProps) {
  const state = stateOf(connection, sync);
  const isRejected = connection.status === "token_rejected";
  const [isRepairing, setRepairing] = useState(false);
  const [showsHistory, setShowsHistory] = useState(false);
  const [check, setCheck] = useState<Schemas["Validation"] | undefined>();
  return (
    <Card title={connection.canvas_name} actions={<Badge kind={state.kind}>{state.text}</Badge>}>
      {state.reason && (
        <p class={`notice notice-${state.kind}`} role="status">
          {state.reason}
        </p>
      )}
      <Facts connection={connection} sync={sync} nextSyncAt={nextSyncAt} />
      {sync && isUnderWay(sync) && <SyncProgress connection={connection} sync={sync} />}
      <Commands
        connection={connection}
        sync={sync}
        onCheck={setCheck}
        onRepair={() => setRepairing(true)}
      />
      {check && !isRejected && <CheckResult check={check} />}
      {(isRepairing || isRejected) && (
        <ReplaceToken
          connection={connection}
          onClose={isRejected ? undefined : () => setRepairing(false)}
          onDone={() => {
            setRepairing(false);
            setCheck(undefined);
          }}
        />
      )}
      <details onToggle={(event) => setShowsHistory(event.currentTarget.open)}>
        <summary>Earlier syncs</summary>
        {showsHistory && <SyncHistory connection={connection} />}
      </details>
    </Card>
  );
}

function Facts({ connection, sync, nextSyncAt }: AccountProps) {
  const { canvas_url, canvas_user, last_synced_at, last_validated_at, token_rotated_at } = connection;
  return (
    <dl class="account-facts">
      <div>
        <dt>Canvas</dt>
        <dd>
          <ExternalLink href={canvas_url}>{canvas_url}</ExternalLink>
        </dd>
      </div>
      <div>
        <dt>Canvas user</dt>
        <dd>{canvas_user.name ?? canvas_user.id}</dd>
      </div>
      <div>
        <dt>Last complete sync</dt>
        <dd>
          <Time value={last_synced_at} mode="relative" none="none yet" />
        </dd>
      </div>
      <div>
        <dt>Next sync</dt>
        <dd>
          {isUnderWay(sync) ? "running now" : <Time value={nextSyncAt} mode="relative" none="not planned" />}
        </dd>
      </div>
      <div>
        <dt>Token checked</dt>
        <dd>
          <Time value={last_validated_at ?? token_rotated_at} mode="relative" />
        </dd>
      </div>
    </dl>
  );
}

interface CommandsProps {
  connection: Connection;
  sync: Sync | null;
  onCheck: (check: Schemas["Validation"]) => void;
  onRepair: () => void;
}

function Commands({ connection, sync, onCheck, onRepair }: CommandsProps) {
  const { id } = connection;
  const isActive = connection.status === "active";
  const check = async () => {
    const path = { connection_id: id };
    onCheck(
      await unwrap(api.POST("/api/v1/canvas/connections/{connection_id}/validate", { params: { path } })),
    );
    dataVersion.value += 1; // a refused token changes the state of the account
  };
  return (
    <div class="actions">
      {isActive && !isUnderWay(sync) && (
        <ActionButton kind="main" busyText="Requesting…" act={() => requestSync(id)}>
          Sync now
        </ActionButton>
      )}
      {isUnderWay(sync) && (
        <ActionButton busyText="Cancelling…" act={() => cancelSync(id)}>
          Cancel the sync
        </ActionButton>
      )}
      {isActive && (
        <ActionButton busyText="Checking at Canvas…" act={check}>
          Check the token
        </ActionButton>
      )}
      {isActive && (
        <button type="button" onClick={onRepair}>
          Replace the token
        </button>
      )}
      <RemoveAccount connection={connection} />
    </div>
  );
}

function CheckResult({ check }: { check: Schemas["Validation"] }) {
  return (
    <p class={`notice notice-${check.valid ? "good" : "bad"}`} role="status">
      {check.valid ? "Canvas accepts the token." : `Canvas does not accept the token. ${check.reason ?? ""}`}
    </p>
  );
}
