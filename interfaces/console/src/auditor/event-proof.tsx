// The proof that an event is in the signed log: loaded on request, checked in the browser, saved.
import { useState } from "preact/hooks";
import { api, unwrap } from "../api.ts";
import { ActionButton } from "../components/form.tsx";
import type { AuditedEvent } from "./audit-types.ts";
import { saveFile } from "./downloads.ts";
import { eventIdOf, hexDump, isSignedBy, leadsToRoot, parseProof, type TlogProof } from "./tlog-proof.ts";

interface CheckedProof {
  readonly text: string;
  readonly proof: TlogProof;
  /** Each check with its result; undefined if this browser cannot make it. */
  readonly checks: readonly (readonly [text: string, result: boolean | undefined])[];
}

export function EventProof({ event }: { event: AuditedEvent }) {
  const [checked, setChecked] = useState<CheckedProof | undefined>();
  if (!event.seal) return <p>The event has no proof yet: it is sealed seconds after it was recorded.</p>;
  const name = `${event.event_id}.tlog-proof`;
  return (
    <>
      <p class="fine">Its entry has number {event.seal.index} in the tree that the log signs.</p>
      <div class="actions">
        <ActionButton act={async () => setChecked(await loadProof(event))}>Show the proof</ActionButton>
        <ActionButton act={async () => saveFile(name, checked?.text ?? (await loadText(event)))}>
          Download the proof
        </ActionButton>
      </div>
      {checked && <ShownProof {...checked} />}
    </>
  );
}

function ShownProof({ text, proof, checks }: CheckedProof) {
  return (
    <>
      <ul class="checks">
        {checks.map(([name, result]) => (
          <li key={name} class={result === false ? "error" : undefined}>
            {result === undefined ? "Not checked here" : result ? "Correct" : "Wrong"}: {name}
          </li>
        ))}
      </ul>
      <details>
        <summary>The proof (C2SP tlog-proof)</summary>
        <pre tabIndex={0}>{text}</pre>
      </details>
      <details>
        <summary>The bytes of the entry ({proof.entry.length})</summary>
        <pre class="hex" tabIndex={0}>
          {hexDump(proof.entry)}
        </pre>
      </details>
    </>
  );
}

/** The response of the server is text; the types of the client know only JSON. */
async function loadText({ event_id }: AuditedEvent): Promise<string> {
  const params = { path: { event_id } };
  return String(await unwrap(api.GET("/api/v1/audit/proof/{event_id}", { params, parseAs: "text" })));
}

/** Load the public keys of the log, one a line. */
export async function loadKeys(signal?: AbortSignal): Promise<string> {
  const options = { parseAs: "text" as const, ...(signal && { signal }) };
  return String(await unwrap(api.GET("/api/v1/audit/key", options)));
}

async function loadProof(event: AuditedEvent): Promise<CheckedProof> {
  const [text, keys] = await Promise.all([loadText(event), loadKeys()]);
  const proof = parseProof(text);
  const isOfEvent = eventIdOf(proof.entry) === event.event_id;
  const checks = [
    ["the entry is that of this event", isOfEvent],
    ["the path leads from the entry to the root of the checkpoint", await tryCheck(leadsToRoot(proof))],
    ["the key of the log has signed the checkpoint", await tryCheck(isSignedBy(proof, keys))],
  ] as const;
  return { text, proof, checks };
}

/** Cryptography is missing in a page without TLS, and Ed25519 in older browsers. */
async function tryCheck(check: Promise<boolean>): Promise<boolean | undefined> {
  return check.catch(() => undefined);
}
