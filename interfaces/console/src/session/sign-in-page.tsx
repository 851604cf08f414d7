// The page on which one signs in: with Supabase, as a role for development, or with a token.
import { useState } from "preact/hooks";
import { Field, useAction, type Action } from "../components/form.tsx";
import { Loading, ProblemNotice } from "../components/notices.tsx";
import type { Role } from "../types.ts";
import { session, sessionOf, signedOutBecause } from "./session.ts";
import { loadSettings, settings, settingsError, type SignIn } from "./settings.ts";
import { signInForDevelopment, signInWithSupabase } from "./sign-in-requests.ts";

const ROLE_TEXTS: Record<Role, readonly [string, string]> = {
  student: ["Student", "Courses, assignments and grades, live"],
  auditor: ["Auditor", "What a student saw at any time, and the proof of it"],
  admin: ["Admin", "What is wrong, what runs, and what happens tonight"],
};

export function SignInPage() {
  const known = settings.value;
  return (
    <main class="sign-in" id="main">
      <h1>
        <span class="brand">easeboard</span>
      </h1>
      <p class="lead">Canvas courses, assignments and grades, up to date and with their history.</p>
      {signedOutBecause.value && (
        <p class="notice notice-warn" role="status">
          You were signed out. {signedOutBecause.value}
        </p>
      )}
      {settingsError.value && (
        <div class="notice notice-bad" role="alert">
          <p>{settingsError.value}</p>
          <button type="button" onClick={() => void loadSettings()}>
            Try again
          </button>
        </div>
      )}
      {known ? <Way signIn={known.sign_in} /> : !settingsError.value && <Loading />}
      <p class="fine">
        The token stays in the memory of this page: a reload signs you out.{" "}
        <a href="/docs">Documentation of the API</a>
        {known && ` · version ${known.version}`}
      </p>
    </main>
  );
}

function Way({ signIn }: { signIn: SignIn }) {
  if (signIn.kind === "development") return <DevelopmentRoles roles={signIn.roles} />;
  return (
    <>
      {signIn.kind === "supabase" && <SupabaseForm url={signIn.url} anonKey={signIn.anon_key} />}
      <TokenForm isSecond={signIn.kind === "supabase"} />
    </>
  );
}

function DevelopmentRoles({ roles }: { roles: readonly Role[] }) {
  return (
    <section aria-labelledby="roles">
      <h2 id="roles">Sign in for development as</h2>
      <div class="role-choice">
        {roles.map((role) => (
          <RoleButton role={role} key={role} />
        ))}
      </div>
    </section>
  );
}

function RoleButton({ role }: { role: Role }) {
  const [title, text] = ROLE_TEXTS[role];
  const action = useAction(async () => {
    session.value = await signInForDevelopment(role);
  });
  return (
    <>
      <button type="button" class="role-button" disabled={action.isBusy} onClick={action.run}>
        <strong>{title}</strong>
        <span>{text}</span>
      </button>
      {action.problem && <ProblemNotice problem={action.problem} />}
    </>
  );
}

function SupabaseForm({ url, anonKey }: { url: string; anonKey: string }) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const action = useAction(async () => {
    session.value = await signInWithSupabase(url, anonKey, email, password);
  });
  return (
    <form class="card" onSubmit={(event) => submit(event, action)}>
      <Field
        label="E-mail address"
        type="email"
        autocomplete="username"
        required
        value={email}
        onChange={setEmail}
      />
      <Field
        label="Password"
        type="password"
        autocomplete="current-password"
        required
        value={password}
        onChange={setPassword}
      />
      <button type="submit" class="main" disabled={action.isBusy}>
        {action.isBusy ? "Signing in…" : "Sign in"}
      </button>
      {action.problem && <ProblemNotice problem={action.problem} />}
    </form>
  );
}

function TokenForm({ isSecond }: { isSecond: boolean }) {
  const [token, setToken] = useState("");
  const action = useAction(async () => {
    session.value = sessionOf(token);
  });
  return (
    <form class="card" onSubmit={(event) => submit(event, action)}>
      <Field
        label={isSecond ? "Or paste an access token" : "Access token"}
        hint="A JWT, for example of `easeboard token --user … --role auditor`."
        autocomplete="off"
        required
        value={token}
        onChange={setToken}
      />
      <button type="submit" disabled={action.isBusy}>
        Sign in with the token
      </button>
      {action.problem && <ProblemNotice problem={action.problem} />}
    </form>
  );
}

function submit(event: Event, action: Action): void {
  event.preventDefault();
  action.run();
}
