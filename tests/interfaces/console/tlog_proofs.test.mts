// Checks proofs that the Python code made, as the auditor's screen does.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import {
  eventIdOf,
  hexDump,
  isSignedBy,
  leadsToRoot,
  parseProof,
} from "../../../interfaces/console/src/auditor/tlog-proof.ts";

interface Cases {
  proofs: string[];
  vkeys: string;
  otherVkeys: string;
  entry: string;
  eventId: string;
}

const cases = JSON.parse(readFileSync(String(process.env["PROOF_CASES"]), "utf-8")) as Cases;
const proofs = cases.proofs.map(parseProof);

test("each proof leads to its root and is signed", async () => {
  for (const proof of proofs) {
    assert.equal(await leadsToRoot(proof), true, `entry ${proof.index} of ${proof.size}`);
    assert.equal(await isSignedBy(proof, cases.vkeys), true);
  }
});

test("a proof of another entry, index, size or path does not lead to the root", async () => {
  for (const proof of proofs) {
    const entry = Uint8Array.of(...proof.entry, 0);
    assert.equal(await leadsToRoot({ ...proof, entry }), false);
    assert.equal(await leadsToRoot({ ...proof, index: proof.size }), false);
    assert.equal(await leadsToRoot({ ...proof, path: [...proof.path, new Uint8Array(32)] }), false);
    assert.equal(
      await leadsToRoot({ ...proof, root: proofs[0] === proof ? "" : (proofs[0]?.root ?? "") }),
      false,
    );
  }
});

test("another key, or another text, is not the signed one", async () => {
  const [proof] = proofs;
  assert.ok(proof);
  assert.equal(await isSignedBy(proof, cases.otherVkeys), false);
  assert.equal(await isSignedBy({ ...proof, signedText: `${proof.signedText}x` }, cases.vkeys), false);
});

test("what is no proof is refused", () => {
  assert.throws(() => parseProof("c2sp.org/tlog-proof@v1\nindex 0\n\n"), /not a proof/);
});

test("an entry has the id of its event, and is shown as hexadecimal digits", () => {
  const entry = Uint8Array.from(Buffer.from(cases.entry, "hex"));
  assert.equal(eventIdOf(entry), cases.eventId);
  const [first, second] = hexDump(entry).split("\n");
  assert.equal(first, "0000  65 61 73 65 62 6f 61 72 64 2e 63 6f 6d 2f 65 76  easeboard.com/ev");
  assert.match(String(second), /^0010 {2}65 6e 74 2f 76 31 0a 00 /);
});
