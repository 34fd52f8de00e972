/** @jsxImportSource hono/jsx */
/** Set-up and log-in: a password field each. */
import { Layout } from "./layout.tsx";

export const PASSWORD_LENGTH_MIN = 12;

export function SetupPage(props: { token: string; problem?: string }) {
  return (
    <Layout title="Set-up" narrow>
      <main>
        <h1>Welcome to Jackfield</h1>
        <p>Choose the administrator's password. This link works once.</p>
        <form method="post" action="/setup">
          <input type="hidden" name="token" value={props.token} />
          <label>
            Password, at least {PASSWORD_LENGTH_MIN} characters
            <input
              type="password"
              name="password"
              minlength={PASSWORD_LENGTH_MIN}
              required
              autofocus
              autocomplete="new-password"
            />
          </label>
          {props.problem ? (
            <p class="problem" role="alert">
              {props.problem}
            </p>
          ) : null}
          <button type="submit">Set the password</button>
        </form>
      </main>
    </Layout>
  );
}

export function LoginPage(props: { problem?: string }) {
  return (
    <Layout title="Log in" narrow>
      <main>
        <h1>Jackfield</h1>
        <form method="post" action="/login">
          <label>
            Administrator's password
            <input
              type="password"
              name="password"
              required
              autofocus
              autocomplete="current-password"
            />
          </label>
          {props.problem ? (
            <p class="problem" role="alert">
              {props.problem}
            </p>
          ) : null}
          <button type="submit">Log in</button>
        </form>
      </main>
    </Layout>
  );
}

export function MessagePage(props: { title: string; message: string }) {
  return (
    <Layout title={props.title} narrow>
      <main>
        <h1>{props.title}</h1>
        <p>{props.message}</p>
      </main>
    </Layout>
  );
}
