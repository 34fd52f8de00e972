/** @jsxImportSource hono/jsx */
/** The built-in softphone. It belongs to users of the telephone, not to the administrator. */
import { Mark } from "./icons.tsx";
import { Layout } from "./layout.tsx";

const KEYS: readonly (readonly [key: string, letters: string])[] = [
  ["1", ""],
  ["2", "ABC"],
  ["3", "DEF"],
  ["4", "GHI"],
  ["5", "JKL"],
  ["6", "MNO"],
  ["7", "PQRS"],
  ["8", "TUV"],
  ["9", "WXYZ"],
  ["*", ""],
  ["0", "+"],
  ["#", ""],
];

export function PhonePage() {
  return (
    <Layout title="Phone" script="phone" bodyClass="phone">
      <header class="phone-head">
        <span class="brand">
          <Mark /> Phone
        </span>
        <span id="account" class="soft" />
        <span id="state" role="status" />
        <span class="actions">
          <button type="button" class="button small" data-theme-toggle>
            Light or dark
          </button>
          <button type="button" class="button small" id="leave" hidden>
            Sign out
          </button>
        </span>
      </header>
      <main id="content">
        <h1 class="unseen">Phone</h1>
        <SignIn />
        <div class="board" id="board" hidden>
          <div class="keys-side">
            <DialPad />
            <SoundChoice />
          </div>
          <div class="calls-side">
            <div id="lines" />
            <div class="card empty" id="idle">
              <strong>No call</strong>
              Dial a number, or wait: it rings here when somebody calls you.
            </div>
            <section class="card" hidden>
              <div class="head">
                <h2>Recent calls</h2>
              </div>
              <ul id="recent" class="recents" />
            </section>
          </div>
        </div>
      </main>
      <div class="toasts" id="toasts" role="status" aria-live="polite" />
    </Layout>
  );
}

function SignIn() {
  return (
    <form class="card phone-sign-in" id="sign-in" hidden>
      <div class="body">
        <h2>Sign in</h2>
        <p class="soft">With the name and password your administrator gave you.</p>
        <label class="field">
          <span class="label">Name</span>
          <input id="name" name="name" required autocomplete="username" autocapitalize="none" />
        </label>
        <label class="field">
          <span class="label">Password</span>
          <input type="password" name="password" required autocomplete="current-password" />
        </label>
        <label class="check">
          <input type="checkbox" name="remember" /> Stay signed in on this device
        </label>
        <p class="problem" id="refusal" role="alert" hidden />
        <button type="submit" class="button primary">
          Sign in
        </button>
      </div>
    </form>
  );
}

function DialPad() {
  return (
    <form class="card dial" id="dial">
      <div class="body">
        <div class="number">
          <input
            id="number"
            type="tel"
            autocomplete="off"
            aria-label="Number or name"
            placeholder="Number or name"
          />
          <button type="button" class="button" id="erase" aria-label="Erase the last digit">
            ⌫
          </button>
        </div>
        <fieldset class="keys">
          <legend class="soft" id="keys-hint">
            Keys type a number
          </legend>
          {KEYS.map(([key, letters]) => (
            <button type="button" class="key" data-key={key}>
              {key}
              <small>{letters}</small>
            </button>
          ))}
        </fieldset>
        <button type="submit" class="button primary call">
          Call
        </button>
      </div>
    </form>
  );
}

function SoundChoice() {
  return (
    <details class="card section" id="sound">
      <summary>Microphone and loudspeaker</summary>
      <div class="fields">
        <label class="field whole">
          <span class="label">Microphone</span>
          <select id="microphone" />
        </label>
        <label class="field whole">
          <span class="label">Loudspeaker</span>
          <select id="speaker" />
        </label>
      </div>
    </details>
  );
}
