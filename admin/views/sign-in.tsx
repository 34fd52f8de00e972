/** @jsxImportSource hono/jsx */
/** Set-up and log-in. */

import type { Child } from "hono/jsx";
import { ACCOUNT_PASSWORD_LENGTH_MIN, FIRST_ACCOUNT } from "../../schema/accounts.ts";
import { Mark } from "./icons.tsx";
import { Layout } from "./layout.tsx";

/** One card in the middle of nothing. */
export function Alone(props: {
  title: string;
  heading: string;
  lead?: string;
  script?: string;
  children?: Child;
}) {
  return (
    <Layout title={props.title} script={props.script}>
      <main>
        <div class="brand">
          <Mark /> Jackfield
        </div>
        <section class="card">
          <div class="body">
            <h1>{props.heading}</h1>
            {props.lead ? <p class="soft">{props.lead}</p> : null}
            {props.children}
          </div>
        </section>
      </main>
    </Layout>
  );
}

function PasswordForm(props: {
  action: string;
  label: string;
  problem: string | undefined;
  submit: string;
  autocomplete: string;
  minlength?: number;
  /** False where another field comes first. */
  autofocus?: boolean;
  children?: Child;
}) {
  const { action, label, problem, submit, autocomplete, minlength, children } = props;
  const { autofocus = true } = props;
  return (
    <form class="sheet" method="post" action={action}>
      {children}
      <label class="field">
        <span class="label">{label}</span>
        <input
          type="password"
          name="password"
          minlength={minlength}
          required
          autofocus={autofocus}
          autocomplete={autocomplete}
          aria-describedby={problem ? "problem" : undefined}
        />
      </label>
      {problem ? (
        <p class="problem" role="alert" id="problem">
          {problem}
        </p>
      ) : null}
      <button type="submit" class="button primary">
        {submit}
      </button>
    </form>
  );
}

export function SetupPage(props: { token: string; problem?: string }) {
  return (
    <Alone
      title="Set-up"
      heading="Welcome to Jackfield"
      lead={`Choose the password of the first account, ${FIRST_ACCOUNT}. This link works once.`}
    >
      <PasswordForm
        action="/setup"
        label={`Password, at least ${ACCOUNT_PASSWORD_LENGTH_MIN} characters`}
        problem={props.problem}
        submit="Set the password"
        autocomplete="new-password"
        minlength={ACCOUNT_PASSWORD_LENGTH_MIN}
      >
        <input type="hidden" name="token" value={props.token} />
        <input type="hidden" name="name" value={FIRST_ACCOUNT} autocomplete="username" />
      </PasswordForm>
    </Alone>
  );
}

/** `name`: what stands in its field to begin with. */
export function LoginPage({ name, problem }: { name: string; problem?: string }) {
  return (
    <Alone title="Log in" heading="Log in">
      <PasswordForm
        action="/login"
        label="Password"
        problem={problem}
        submit="Log in"
        autocomplete="current-password"
        autofocus={name !== ""}
      >
        <label class="field">
          <span class="label">Name</span>
          <input
            type="text"
            name="name"
            value={name}
            required
            maxlength={64}
            autofocus={name === ""}
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
          />
        </label>
      </PasswordForm>
    </Alone>
  );
}

export function MessagePage(props: { title: string; message: string }) {
  return <Alone title={props.title} heading={props.title} lead={props.message} />;
}
