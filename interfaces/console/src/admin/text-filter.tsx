// A text filter that changes the address a moment after the last key, not at each key.
import { useEffect, useState } from "preact/hooks";
import { Field } from "../components/form.tsx";
import { route, setParameters } from "../router.ts";

const DELAY_MS = 300;

/** A text field whose value is the parameter `name` of the address. */
export function TextFilter({
  name,
  label,
  type = "text",
  placeholder,
}: {
  name: string;
  label: string;
  type?: "text" | "search";
  placeholder?: string;
}) {
  const inAddress = route.value.query.get(name) ?? "";
  const [text, setText] = useState(inAddress);
  useEffect(() => setText(inAddress), [inAddress]);
  useEffect(() => {
    if (text === inAddress) return undefined;
    const timer = setTimeout(() => setParameters({ [name]: text.trim() || undefined }), DELAY_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <Field label={label} type={type} value={text} onChange={setText} {...(placeholder && { placeholder })} />
  );
}
