/** @jsxImportSource hono/jsx */
/**
 * The set-up, a page a step. What is done is seen from the configuration, so that it can be left at
 * any step and taken up again.
 */
import type { Child } from "hono/jsx";
import type { CertificateStatus, Status } from "../../gateway/b2bua/status.ts";
import type { Config } from "../../schema/config.ts";
import { PRESETS, type Preset } from "../presets.ts";
import { Icon } from "./icons.tsx";
import { Page } from "./layout.tsx";
import { NetworkFacts } from "./network-facts.tsx";
import { Badge, ButtonLink, Card, Notice } from "./parts.tsx";

export const STEPS = [
  { id: "network", name: "Addresses" },
  { id: "connection", name: "Connection" },
  { id: "user", name: "User" },
  { id: "call", name: "First call" },
] as const;
export type StepId = (typeof STEPS)[number]["id"];

/** The first step that is left to do. */
export function nextStep({ connections, users }: Config): StepId {
  if (connections.length === 0) return "connection";
  return users.length === 0 ? "user" : "call";
}

export function WelcomePage(props: {
  at: StepId;
  config: Config;
  title: string;
  lead: Child;
  script?: boolean;
  children?: Child;
}) {
  const { at, config, title, lead, script, children } = props;
  const isDone: Readonly<Record<StepId, boolean>> = {
    network: at !== "network" || config.connections.length > 0,
    connection: config.connections.length > 0,
    user: config.users.length > 0,
    call: false,
  };
  return (
    <Page
      title={title}
      at="/welcome"
      lead={lead}
      actions={<ButtonLink href="/">Later</ButtonLink>}
      {...(script ? { script: "welcome" } : {})}
    >
      <ol class="steps" aria-label="Steps of the set-up">
        <li class="done">
          <Icon name="check" /> Password
        </li>
        {STEPS.map(({ id, name }, index) => (
          <li class={isDone[id] ? "done" : ""}>
            <a href={`/welcome/${id}`} aria-current={id === at ? "step" : undefined}>
              {isDone[id] ? <Icon name="check" /> : <span class="place">{index + 2}</span>} {name}
            </a>
          </li>
        ))}
      </ol>
      {children}
    </Page>
  );
}

export function NetworkStep({ config, status }: { config: Config; status: Status }) {
  const { network, certificates } = status;
  return (
    <WelcomePage
      at="network"
      config={config}
      title="Where this gateway is"
      lead="What was found. It can be changed later; go on when it looks right."
    >
      <div class="columns">
        <Card title="Addresses">
          <NetworkFacts network={network} />
          <p class="soft">
            Behind a NAT forward these ports to this machine. If the address is not the one others
            see, set it under Settings or with <code>--external-ip</code>.
          </p>
        </Card>
        <Card title="Certificate">
          {certificates.length > 0 ? (
            <Certificates certificates={certificates} />
          ) : (
            <NoCertificate />
          )}
        </Card>
      </div>
      <div>
        <ButtonLink href="/welcome/connection" primary>
          Go on to the connection
        </ButtonLink>
      </div>
    </WelcomePage>
  );
}

function Certificates({ certificates }: { certificates: readonly CertificateStatus[] }) {
  return (
    <>
      {certificates.map(({ names, daysLeft, isDue, isSelfSigned }) => (
        <p>
          <Badge tone={daysLeft < 0 ? "bad" : isDue || isSelfSigned ? "warn" : "good"}>
            {daysLeft < 0 ? "Expired" : isSelfSigned ? "Signed by itself" : `${daysLeft} days left`}
          </Badge>{" "}
          {names.join(", ")}
        </p>
      ))}
      <p class="soft">Softphones connect by WSS, and browsers give them the microphone.</p>
    </>
  );
}

function NoCertificate() {
  return (
    <>
      <Notice tone="warn">Pages and softphones are served without TLS.</Notice>
      <p class="soft">
        On this very machine that is enough. Anywhere else browsers give out the microphone over TLS
        only. It can be done later.
      </p>
      <div>
        <ButtonLink href="/settings/certificate">Order a certificate, or name its files</ButtonLink>
      </div>
    </>
  );
}

export function PresetStep({ config }: { config: Config }) {
  const kinds = [
    ["pbx", "A PBX of your own"],
    ["carrier", "A carrier"],
  ] as const;
  return (
    <WelcomePage
      at="connection"
      config={config}
      title="What do you connect?"
      lead="Each is a start: everything can be changed afterwards."
    >
      {kinds.map(([kind, title]) => (
        <section class="sheet" aria-label={title}>
          <h2>{title}</h2>
          <div class="choices">
            {PRESETS.filter((it) => it.kind === kind).map((it) => (
              <PresetCard preset={it} />
            ))}
          </div>
        </section>
      ))}
    </WelcomePage>
  );
}

function PresetCard({ preset: { id, name, hint } }: { preset: Preset }) {
  return (
    <a class="card choice" href={`/welcome/connection?preset=${id}`}>
      <strong>{name}</strong>
      <span class="soft">{hint}</span>
    </a>
  );
}
