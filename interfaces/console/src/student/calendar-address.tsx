// Makes and ends the address at which a calendar program reads the due dates.
import { useRef, useState } from "preact/hooks";
import { api, unwrap } from "../api.ts";
import { ActionButton } from "../components/form.tsx";
import { showToast } from "../toasts.ts";

export function CalendarAddress() {
  const [address, setAddress] = useState<string | undefined>();
  const make = async () => {
    setAddress((await unwrap(api.POST("/api/v1/calendar"))).url);
  };
  const end = async () => {
    await unwrap(api.DELETE("/api/v1/calendar"));
    setAddress(undefined);
    showToast({ kind: "info", title: "There is no calendar address any more" });
  };
  return (
    <>
      <p>Your due dates in Google Calendar, Apple Calendar or Outlook: subscribe to this address there.</p>
      {address && <ShownAddress address={address} />}
      <div class="actions">
        <ActionButton busyText="Making it…" act={make}>
          {address ? "Make another address" : "Make an address"}
        </ActionButton>
        <ActionButton busyText="Ending it…" act={end}>
          End the address
        </ActionButton>
      </div>
      <p class="fine">
        There is one address at a time: a new one replaces the earlier one, which then stops working. An
        address that you made earlier is not shown here again, and you can end it at any time. The file
        that you get under “Take your data along” states whether there is one.
      </p>
    </>
  );
}

function ShownAddress({ address }: { address: string }) {
  const input = useRef<HTMLInputElement>(null);
  const copy = async () => {
    input.current?.select();
    await navigator.clipboard.writeText(address);
    showToast({ kind: "good", title: "The address is copied" });
  };
  return (
    <>
      <div class="field">
        <label for="calendar-address">Your calendar address</label>
        <input id="calendar-address" ref={input} readOnly value={address} aria-describedby="calendar-secret" />
      </div>
      <div class="actions">
        <ActionButton kind="main" busyText="Copying…" act={copy}>
          Copy
        </ActionButton>
      </div>
      <p class="notice notice-warn" id="calendar-secret">
        This address is a secret and is shown only once: each person who has it can read your due dates.
      </p>
    </>
  );
}
