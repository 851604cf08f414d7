// Erases all data of the person, after a word has been typed to confirm it.
import { useState } from "preact/hooks";
import { api, unwrap } from "../api.ts";
import { Dialog, Field, useAction } from "../components/form.tsx";
import { ProblemNotice } from "../components/notices.tsx";
import { navigate } from "../router.ts";
import { signOut } from "../session/session.ts";
import { settings } from "../session/settings.ts";

const WORD = "ERASE";
const DONE =
  "All your data is erased for good, and this user can connect no Canvas account any more. " +
  "Your Canvas account is not changed: delete the access token there too, under Account > Settings.";

export function EraseEverything() {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <p>
        Destroys the key with which your data is encrypted. No one can restore it, not even the operator.
        Take your data along first, and download the receipts that you need.
      </p>
      <div class="actions">
        <button type="button" class="danger" onClick={() => setOpen(true)}>
          Erase everything…
        </button>
      </div>
      {isOpen && <EraseDialog onClose={() => setOpen(false)} />}
    </>
  );
}

function EraseDialog({ onClose }: { onClose: () => void }) {
  const [word, setWord] = useState("");
  const [isUserToo, setUserToo] = useState(false);
  const action = useAction(async () => {
    const query = isUserToo ? { delete_auth_user: true } : {};
    await unwrap(api.DELETE("/api/v1/me", { params: { query } }));
    navigate([]);
    signOut(DONE);
  });
  const isConfirmed = word.trim().toUpperCase() === WORD;
  return (
    <Dialog title="Erase everything?" onClose={onClose}>
      <p>
        <strong>What goes:</strong> your courses, assignments, grades and their history, the Canvas tokens,
        the calendar address. It cannot be undone.
      </p>
      <p>
        <strong>What stays:</strong> that something was recorded and when, under an id without a name and
        without contents; who looked and why; receipts that you have downloaded; everything in Canvas. A
        backup of the operator has your data until it is deleted.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (isConfirmed) action.run();
        }}
      >
        <Field label={`Type ${WORD} to confirm`} autocomplete="off" value={word} onChange={setWord} />
        {settings.value?.sign_in.kind === "supabase" && (
          <label class="check-line">
            <input
              type="checkbox"
              checked={isUserToo}
              onChange={(event) => setUserToo(event.currentTarget.checked)}
            />
            Also delete my user, in every app that shares this sign-in
          </label>
        )}
        <div class="actions">
          <button type="submit" class="danger" disabled={!isConfirmed || action.isBusy}>
            {action.isBusy ? "Erasing…" : "Erase for good"}
          </button>
          <button type="button" onClick={onClose}>
            Keep my data
          </button>
        </div>
      </form>
      {action.problem && <ProblemNotice problem={action.problem} />}
    </Dialog>
  );
}
