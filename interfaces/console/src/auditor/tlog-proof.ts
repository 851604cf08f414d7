// Reads a proof (C2SP tlog-proof) and checks it in the browser: entry, path, root and signature.

export interface TlogProof {
  readonly entry: Uint8Array<ArrayBuffer>;
  readonly index: number;
  readonly path: readonly Uint8Array<ArrayBuffer>[];
  readonly size: number;
  readonly root: string;
  /** The text that is signed, and the lines with the signatures. */
  readonly signedText: string;
  readonly signatures: readonly string[];
}

const HEADER = "c2sp.org/tlog-proof@v1";
const ED25519 = 1;
const KEY_HASH_BYTES = 4;
const utf8 = new TextEncoder();

/** Read the text of a proof. Raises an Error if it is none. */
export function parseProof(text: string): TlogProof {
  const at = text.indexOf("\n\n");
  const [header, ...lines] = text.slice(0, at).split("\n");
  const note = text.slice(at + 2);
  const noteEnd = note.indexOf("\n\n");
  const signedText = note.slice(0, noteEnd + 1);
  const [, size, root] = signedText.split("\n");
  const extra = lines.find((line) => line.startsWith("extra "));
  const index = lines.find((line) => line.startsWith("index "));
  if (header !== HEADER || !index || !extra || !root) throw new Error("This is not a proof.");
  return {
    entry: fromBase64(extra.slice(6)),
    index: Number(index.slice(6)),
    path: lines.filter((line) => line !== extra && line !== index).map(fromBase64),
    size: Number(size),
    root,
    signedText,
    signatures: note
      .slice(noteEnd + 2)
      .split("\n")
      .filter(Boolean),
  };
}

/** Return whether the path leads from the entry to the root of the checkpoint (RFC 9162, 2.1.3.2). */
export async function leadsToRoot({ entry, index, path, size, root }: TlogProof): Promise<boolean> {
  if (index >= size) return false;
  let [node, last] = [BigInt(index), BigInt(size - 1)];
  let hash = await sha256(Uint8Array.of(0), entry);
  for (const sibling of path) {
    if (last === 0n) return false;
    if (node % 2n === 1n || node === last) {
      hash = await sha256(Uint8Array.of(1), sibling, hash);
      while (node % 2n === 0n && node !== 0n) [node, last] = [node >> 1n, last >> 1n];
    } else {
      hash = await sha256(Uint8Array.of(1), hash, sibling);
    }
    [node, last] = [node >> 1n, last >> 1n];
  }
  return last === 0n && toBase64(hash) === root;
}

/** Return whether one of the keys (C2SP vkeys, one a line) has signed the checkpoint with Ed25519. */
export async function isSignedBy(proof: TlogProof, vkeys: string): Promise<boolean> {
  for (const vkey of vkeys.split("\n").filter(Boolean)) {
    const [name = "", , ...rest] = vkey.split("+");
    const key = fromBase64(rest.join("+"));
    if (key[0] !== ED25519) continue;
    for (const line of proof.signatures.filter((each) => each.startsWith(`— ${name} `))) {
      if (await verifyEd25519(key.slice(1), line, name, proof.signedText)) return true;
    }
  }
  return false;
}

async function verifyEd25519(
  key: Uint8Array<ArrayBuffer>,
  line: string,
  name: string,
  text: string,
): Promise<boolean> {
  const signature = fromBase64(line.slice(`— ${name} `.length)).slice(KEY_HASH_BYTES);
  const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
  return crypto.subtle.verify("Ed25519", imported, signature, utf8.encode(text));
}

async function sha256(...parts: readonly Uint8Array<ArrayBuffer>[]): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await new Blob([...parts]).arrayBuffer();
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

const EVENT_ID_AT = utf8.encode("easeboard.com/event/v1\n").length + 32;

/** Return the id of the event that an entry is about. */
export function eventIdOf(entry: Uint8Array): string {
  const hex = Array.from(entry.slice(EVENT_ID_AT, EVENT_ID_AT + 16), twoHexDigits).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** Write bytes as lines of 16: the offset, hexadecimal digits, and the characters of ASCII. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = [...bytes.slice(at, at + 16)];
    const hex = part.map(twoHexDigits).join(" ").padEnd(47);
    const characters = part
      .map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "."))
      .join("");
    lines.push(`${at.toString(16).padStart(4, "0")}  ${hex}  ${characters}`);
  }
  return lines.join("\n");
}

const twoHexDigits = (byte: number): string => byte.toString(16).padStart(2, "0");
