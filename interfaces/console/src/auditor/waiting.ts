// Values that wait until their source is calm.
import { useEffect, useState } from "preact/hooks";

/** Return a value after it has not changed for a while: steps in between cause no requests. */
export function useCalm<T>(value: T, milliseconds = 250): T {
  const [calm, setCalm] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setCalm(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return calm;
}
