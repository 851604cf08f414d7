// Erases a person for good, after an explanation and a confirmation.
import { useState } from "preact/hooks";
import { api, unwrap } from "../api.ts";
import { Dialog, Field, useAction } from "../components/form.tsx";
import { ProblemNotice } from "../components/notices.tsx";
import { Card, Page } from "../components/page.tsx";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/iu;

interface Wish {
  readonly userId: string;
  readonly isAuthUserDeleted: boolean;
}

export function ErasePage() {
  const [wish, setWish] = useState<Wish | undefined>();
  const [erased, setErased] = useState<string | undefined>();
  return (
    <Page title="Erase a person" lead="For a request under the right to erasure.">
      {erased !== undefined && (
        <p class="notice notice-good" role="status">
          <strong>The person is erased.</strong> {erased}
        </p>
      )}
      <WishForm
        onWish={(value) => {
          setErased(undefined);
          setWish(value);
        }}
      />
      <Consequences />
      {wish && (
        <Confirmation
          wish={wish}
          onClose={() => setWish(undefined)}
          onErased={(text) => {
            setWish(undefined);
            setErased(text);
          }}
        />
      )}
    </Page>
  );
}

const HINT =
  "The id of the user at Supabase: the claim “sub” of their token. Connections and Runs show it as person.";

function WishForm({ onWish }: { onWish: (wish: Wish) => void }) {
  const [userId, setUserId] = useState("");
  const [isAuthUserDeleted, setAuthUserDeleted] = useState(false);
  const [error, setError] = useState<string | undefined>();
  const submit = (event: Event) => {
    event.preventDefault();
    const text = userId.trim().toLowerCase();
    const isValid = UUID.test(text);
    setError(isValid ? undefined : "A user id is a UUID, such as 6f9619ff-8b86-4d01-b42d-00cf4fc964ff.");
    if (isValid) onWish({ userId: text, isAuthUserDeleted });
  };
  return (
    <Card title="Whom">
      <form onSubmit={submit}>
        <Field label="User id" value={userId} onChange={setUserId} error={error} hint={HINT} autocomplete="off" />
        <Check label="Also delete the user at Supabase" isChecked={isAuthUserDeleted} onChange={setAuthUserDeleted} />
        <p>
          <button type="submit" class="danger">
            Erase…
          </button>
        </p>
      </form>
    </Card>
  );
}

function Check({
  label,
  isChecked,
  onChange,
}: {
  label: string;
  isChecked: boolean;
  onChange: (isChecked: boolean) => void;
}) {
  return (
    <label class="check">
      <input type="checkbox" checked={isChecked} onChange={(event) => onChange(event.currentTarget.checked)} />
      {label}
    </label>
  );
}

function Consequences() {
  return (
    <Card title="What is erased">
      <ul class="prose-list">
        <li>The key of the person is destroyed: what was recorded about them cannot be read by anyone again.</li>
        <li>Their Canvas tokens are destroyed, their syncs stop, and every read model drops their rows.</li>
        <li>Times, types and ids of their events stay, so that the history of all others can still be verified.</li>
        <li>Nothing about this user id can be recorded later. That you erased it is recorded.</li>
        <li>
          It cannot be undone. A backup from before still has the data; after a restore the person is erased
          again, as long as SEAL_DIR is kept (docs/erasure.md).
        </li>
      </ul>
    </Card>
  );
}

const AUTH_USER_TEXTS: Readonly<Record<string, string>> = {
  kept: "Their user at Supabase is kept: they can still sign in there.",
  waiting: "Their user at Supabase is deleted within seconds.",
};

interface ConfirmationProps {
  wish: Wish;
  onClose: () => void;
  onErased: (text: string) => void;
}

async function erase({ userId, isAuthUserDeleted }: Wish): Promise<string> {
  const { auth_user } = await unwrap(
    api.POST("/api/v1/admin/users/{user_id}/erase", {
      params: { path: { user_id: userId } },
      body: { delete_auth_user: isAuthUserDeleted },
    }),
  );
  return AUTH_USER_TEXTS[auth_user] ?? "";
}

function Confirmation({ wish, onClose, onErased }: ConfirmationProps) {
  const [isSure, setSure] = useState(false);
  const action = useAction(() => erase(wish).then(onErased));
  return (
    <Dialog title="Erase this person for good?" onClose={onClose}>
      <p>
        Everything about <code>{wish.userId}</code> is erased
        {wish.isAuthUserDeleted && ", and their user at Supabase is deleted"}.
      </p>
      <Check label="I understand that this cannot be undone" isChecked={isSure} onChange={setSure} />
      {action.problem && <ProblemNotice problem={action.problem} />}
      <div class="actions">
        <button type="button" class="danger" disabled={!isSure || action.isBusy} onClick={action.run}>
          {action.isBusy ? "Erasing…" : "Erase for good"}
        </button>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
      </div>
    </Dialog>
  );
}
