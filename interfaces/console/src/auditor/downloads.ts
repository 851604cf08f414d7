// Files that the browser saves; requests for them need the bearer, so they are no plain links.

/** Save a text or bytes as a file of this name. */
export function saveFile(name: string, content: Blob | string): void {
  // A browser adds ".txt" to the name of a text without an extension.
  const blob = new Blob([content], { type: "application/octet-stream" });
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/** Read a stream to its end; `onBytes` gets the number of bytes so far. */
export async function readAll(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onBytes: (count: number) => void,
): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let count = 0;
  for (const reader = stream.getReader(); ;) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts);
    parts.push(value);
    count += value.length;
    onBytes(count);
  }
}
