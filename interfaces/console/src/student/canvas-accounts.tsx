// The Canvas accounts: their state, their syncs, a new token, and new accounts.
import { Shown } from "../components/notices.tsx";
import { Card, Page } from "../components/page.tsx";
import { AccountCard } from "./account-card.tsx";
import { newestSync } from "./canvas-account.ts";
import { ConnectForm } from "./connect-form.tsx";
import { useConnections, useSyncStatus } from "./student-data.ts";

export function CanvasAccounts() {
  const connections = useConnections();
  const syncs = useSyncStatus();
  return (
    <Page title="Canvas accounts" lead="Where your courses and grades are read from, and whether the syncs work.">
      <Shown loaded={connections}>
        {(accounts) =>
          accounts.map((connection) => (
            <AccountCard
              key={connection.id}
              connection={connection}
              sync={newestSync(connection.id, syncs.data)}
              nextSyncAt={
                syncs.data?.find(({ connection_id }) => connection_id === connection.id)?.next_sync_at ??
                connection.next_sync_at
              }
            />
          ))
        }
      </Shown>
      <div class="student-narrow">
        <Card title="Connect a Canvas account">
          <ConnectForm />
        </Card>
      </div>
    </Page>
  );
}
