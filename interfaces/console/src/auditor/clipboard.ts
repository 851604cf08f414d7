// Copies a text, where the browser permits it.

/** Copy a text. Raises an Error with what to do instead if the page has no secure connection. */
export async function copyText(text: string): Promise<void> {
  const clipboard = navigator.clipboard as Clipboard | undefined;
  if (!clipboard) throw new Error(`Without https, the browser does not copy. Copy this: ${text}`);
  await clipboard.writeText(text);
}
