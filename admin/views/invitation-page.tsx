/** @jsxImportSource hono/jsx */
/** What whoever was invited sees: first what it is about, then the softphone's settings, once. */
import type { User } from "../../schema/config.ts";
import { type SoftphoneSettings, softphoneSnippets } from "../softphone-settings.ts";
import { CodeBlock, Facts } from "./parts.tsx";
import { Alone } from "./sign-in.tsx";

export function InvitationPage({ user }: { user: User | undefined }) {
  const name = user?.displayName || user?.name;
  return (
    <Alone
      title="Your telephone"
      heading={`A telephone for ${name}`}
      lead="This makes a new password and shows it once. Telephones that use the old one must be set up again."
    >
      <form class="sheet" method="post">
        <button type="submit" class="button primary">
          Set up my telephone
        </button>
      </form>
    </Alone>
  );
}

export function InvitedPage({ settings }: { settings: SoftphoneSettings }) {
  const { user, password, server, uri } = settings;
  return (
    <Alone
      title="Your telephone"
      heading="Your telephone is ready"
      lead="The quickest way is the one in this browser. The password is not shown again."
      script="invitation"
    >
      <div class="sheet">
        <button
          type="button"
          class="button primary"
          id="open-phone"
          data-name={user}
          data-password={password}
        >
          Use this browser as the telephone
        </button>
        <Facts
          rows={[
            ["User name", <code>{user}</code>],
            ["Password", <code>{password}</code>],
            ["Address", <code>{uri}</code>],
            ["Server", <code>{server}</code>],
          ]}
        />
        {softphoneSnippets(settings).map(({ title, text }) => (
          <details>
            <summary>{title}</summary>
            <CodeBlock text={text} label={`Settings for ${title}`} />
          </details>
        ))}
      </div>
    </Alone>
  );
}
