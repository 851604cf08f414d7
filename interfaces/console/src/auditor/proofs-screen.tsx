// Was anything tampered with? Verification, key, checkpoints, export, witnesses.
import { useLoaded } from "../api.ts";
import { ActionButton } from "../components/form.tsx";
import { Shown } from "../components/notices.tsx";
import { Card, Page } from "../components/page.tsx";
import { route } from "../router.ts";
import { showToast } from "../toasts.ts";
import type { SignedCheckpoint } from "./audit-types.ts";
import { CheckpointList, checkpointFile } from "./checkpoint-list.tsx";
import { copyText } from "./clipboard.ts";
import { ConnectionLinks } from "./connection-head.tsx";
import { saveFile } from "./downloads.ts";
import { loadKeys } from "./event-proof.tsx";
import { ExportCard } from "./export-card.tsx";
import { loadCheckpoints } from "./verification.ts";
import { VerifyCard } from "./verify-card.tsx";

const CHECKPOINTS = 10;

export function ProofsScreen() {
  const checkpoints = useLoaded((signal) => loadCheckpoints(CHECKPOINTS, signal), []);
  const connection = route.value.query.get("connection") ?? "";
  return (
    <Page
      title="Was anything tampered with?"
      lead="Every event is sealed in a signed tree, as in the logs of web certificates. An event that was changed, removed or inserted afterwards is found at its exact position."
    >
      {connection && <ConnectionLinks id={connection} />}
      <VerifyCard />
      <ExportCard key={connection} connection={connection} />
      <CheckpointList checkpoints={checkpoints} />
      <div class="grid">
        <KeyCard />
        <WitnessCard newest={checkpoints.data?.[0]} />
      </div>
    </Page>
  );
}

function KeyCard() {
  const keys = useLoaded((signal) => loadKeys(signal), []);
  const copy = async (text: string) => {
    await copyText(text);
    showToast({ kind: "good", title: "The key was copied" });
  };
  return (
    <Card title="The key of the log">
      <p>
        It checks every signature of this log. Keep a copy of your own: what you keep cannot be exchanged.
      </p>
      <Shown loaded={keys}>
        {(text) => (
          <>
            <pre tabIndex={0}>{text.trim()}</pre>
            <div class="actions">
              <ActionButton act={() => copy(text)}>Copy the key</ActionButton>
              <button type="button" onClick={() => saveFile("vkey", text)}>
                Download the key
              </button>
            </div>
          </>
        )}
      </Shown>
    </Card>
  );
}

function WitnessCard({ newest }: { newest: SignedCheckpoint | undefined }) {
  return (
    <Card title="What a witness adds">
      <p>
        The operator has the private key of the log, and could sign another history. A witness is a program on
        a machine that the operator does not control. It signs a checkpoint only if that continues the last
        one, so there cannot be two histories.
      </p>
      <p>
        A university starts one with <code>easeboard witness</code>; the checkpoints above then have its name.
        Without one, a checkpoint that you have downloaded does the same for you
        {newest ? ", for example the newest one:" : "."}
      </p>
      {newest && (
        <pre tabIndex={0}>{`easeboard audit verify --since ${checkpointFile(newest)} --vkey vkey`}</pre>
      )}
    </Card>
  );
}
