/** @jsxImportSource hono/jsx */
/** The frames of pages: `Page` behind the log-in, with navigation; `Layout` for what comes before. */
import { type Child, useContext } from "hono/jsx";
import { type Role, suffices } from "../../schema/roles.ts";
import { assetPath } from "../assets.ts";
import { PERMISSIONS } from "../permissions.ts";
import { Icon, type IconName, Mark } from "./icons.tsx";
import { Visit } from "./page.tsx";

interface Entry {
  readonly path: string;
  readonly name: string;
  readonly icon: IconName;
}

const NAVIGATION: readonly Entry[] = [
  { path: "/", name: "Dashboard", icon: "dashboard" },
  { path: "/calls", name: "Calls", icon: "calls" },
  { path: "/connections", name: "Connections", icon: "connections" },
  { path: "/dial-plan", name: "Dial plan", icon: "dial-plan" },
  { path: "/users", name: "Users", icon: "users" },
  { path: "/settings", name: "Settings", icon: "settings" },
  { path: "/audit", name: "Audit", icon: "audit" },
];

interface LayoutProps {
  readonly title: string;
  /** The page's own script: its name in `client/pages`, without `.ts`. */
  readonly script?: string | undefined;
  readonly bodyClass?: string;
  readonly children?: Child;
}

/** A whole document. */
export function Layout({ title, script, bodyClass = "narrow", children }: LayoutProps) {
  const { theme, role } = useContext(Visit);
  return (
    <html lang="en" data-theme={theme}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>{title} · Jackfield</title>
        <link rel="icon" type="image/svg+xml" href={assetPath("mark.svg")} />
        <link rel="stylesheet" href={assetPath("style.css")} />
        {bodyClass === "app" ? <script type="module" src={assetPath("app.js")} /> : null}
        {script ? <script type="module" src={assetPath(`${script}.js`)} /> : null}
      </head>
      <body class={bodyClass} data-role={role}>
        {children}
      </body>
    </html>
  );
}

interface PageProps {
  readonly title: string;
  /** The navigation's entry it belongs to, by its path. */
  readonly at: string;
  /** One sentence under the title. */
  readonly lead?: Child;
  /** Buttons beside the title. */
  readonly actions?: Child;
  /** The page above it. */
  readonly up?: { readonly path: string; readonly name: string };
  readonly script?: string;
  readonly children?: Child;
}

/** A page behind the log-in. */
export function Page({ title, at, lead, actions, up, script, children }: PageProps) {
  return (
    <Layout title={title} script={script} bodyClass="app">
      <a class="skip" href="#content">
        Skip to content
      </a>
      <header class="topbar">
        <a class="brand" href="/">
          <Mark /> Jackfield
        </a>
        <button
          type="button"
          class="button icon-only"
          id="menu"
          aria-expanded="false"
          aria-controls="side"
        >
          <Icon name="menu" />
          <span class="unseen">Menu</span>
        </button>
      </header>
      <Side at={at} />
      <main id="content" tabindex={-1}>
        <div class="page-head">
          <div>
            {up ? (
              <a class="crumb" href={up.path}>
                <Icon name="back" /> {up.name}
              </a>
            ) : null}
            <h1>{title}</h1>
            {lead ? <p class="lead">{lead}</p> : null}
          </div>
          {actions ? <div class="actions">{actions}</div> : null}
        </div>
        {children}
      </main>
      <div class="toasts" id="toasts" role="status" aria-live="polite" />
    </Layout>
  );
}

function mayVisit(role: Role | undefined, path: string): boolean {
  const needed = PERMISSIONS[`GET ${path}`];
  return role !== undefined && needed !== undefined && needed !== "everybody"
    ? suffices(role, needed)
    : needed === "everybody";
}

function Side({ at }: { at: string }) {
  const { account, role } = useContext(Visit);
  return (
    <nav class="side" id="side" aria-label="Main">
      <a class="brand" href="/">
        <Mark /> Jackfield
      </a>
      <ul>
        {NAVIGATION.filter(({ path }) => mayVisit(role, path)).map(({ path, name, icon }) => (
          <li>
            <a href={path} aria-current={path === at ? "page" : undefined}>
              <Icon name={icon} /> {name}
            </a>
          </li>
        ))}
      </ul>
      <div class="foot">
        <div class="live-state" id="live-state">
          <span class="badge idle" hidden />
        </div>
        <a class="row-button" href="/phone" target="_blank" rel="noreferrer">
          <Icon name="phone" /> Open a phone
        </a>
        <button type="button" class="row-button" data-theme-toggle>
          <Icon name="theme" /> Light or dark
        </button>
        <form method="post" action="/logout">
          <button type="submit" class="row-button">
            <Icon name="leave" /> Log out{account ? ` ${account}` : ""}
          </button>
        </form>
      </div>
    </nav>
  );
}
