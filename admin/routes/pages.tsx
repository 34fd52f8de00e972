/** @jsxImportSource hono/jsx */
/** The pages of the administrator. Each shows; what changes something goes by the API. */
import { type Context, Hono } from "hono";
import { standInsOf } from "../../schema/stand-ins.ts";
import { SETTINGS_ID } from "../../schema/store.ts";
import { logOut } from "../authentication.ts";
import { settingsFor } from "../discretion.ts";
import { firewallNow } from "../firewall.ts";
import type { AdminEnv, Services } from "../services.ts";
import { AccountPage } from "../views/account-page.tsx";
import { AccountsPage, PasswordPage, TokensPage } from "../views/accounts-page.tsx";
import { AlertsPage } from "../views/alerts-page.tsx";
import { AuditPage } from "../views/audit-page.tsx";
import { BackupPage } from "../views/backup-page.tsx";
import { CallPage } from "../views/call-page.tsx";
import { CallsPage } from "../views/calls-page.tsx";
import { CertificatePage } from "../views/certificate-page.tsx";
import { ConnectionPage } from "../views/connection-page.tsx";
import { ConnectionsPage } from "../views/connections-page.tsx";
import { DashboardPage } from "../views/dashboard-page.tsx";
import { DialPlanPage } from "../views/dial-plan-page.tsx";
import { page } from "../views/page.tsx";
import { BansPage, NetworkPage } from "../views/settings-page.tsx";
import { UserPage } from "../views/user-page.tsx";
import { UsersPage } from "../views/users-page.tsx";
import { reportOf } from "./call-evidence.ts";
import { idOf } from "./resource.ts";

type AdminContext = Context<AdminEnv>;

const DAY_MS = 86_400_000;

export function privatePages(services: Services): Hono<AdminEnv> {
  const { gateway, store } = services;
  return new Hono<AdminEnv>()
    .get("/", async (context) => {
      const { connections, users } = await store.load();
      const isSetUp = connections.length > 0 && users.length > 0;
      return page(context, <DashboardPage isSetUp={isSetUp} />);
    })
    .get("/calls", (context) => page(context, <CallsPage />))
    .get("/calls/:id", (context) => callPage(context, services))
    .get("/connections", (context) => page(context, <ConnectionsPage />))
    .get("/connections/:id", (context) => connectionPage(context, services))
    .get("/dial-plan", async (context) =>
      page(context, <DialPlanPage config={await store.load()} />),
    )
    .get("/users", (context) => page(context, <UsersPage />))
    .get("/users/:id", (context) => userPage(context, services))
    .get("/settings", async (context) => {
      const { network } = gateway.status();
      return page(
        context,
        <NetworkPage network={network} {...(await settingsOf(context, store))} />,
      );
    })
    .get("/settings/certificate", async (context) => {
      const { certificatesFrom: from } = gateway.status();
      const facts = { from, ...(await settingsOf(context, store)) };
      return page(context, <CertificatePage {...facts} />);
    })
    .get("/settings/alerts", async (context) =>
      page(context, <AlertsPage {...(await settingsOf(context, store))} />),
    )
    .get("/settings/backup", (context) => page(context, <BackupPage />))
    .get("/settings/bans", (context) => page(context, <BansPage />))
    .get("/settings/accounts", (context) => page(context, <AccountsPage />))
    .get("/settings/accounts/:id", (context) => accountPage(context, services))
    .get("/settings/tokens", (context) => page(context, <TokensPage />))
    .get("/settings/password", (context) => page(context, <PasswordPage />))
    .get("/audit", (context) => page(context, <AuditPage />))
    .post("/logout", async (context) => {
      await logOut(context, services);
      return context.redirect("/login", 303);
    });
}

async function callPage(context: AdminContext, services: Services): Promise<Response> {
  const report = await reportOf(services, context.req.param("id") ?? "");
  if (!report) return context.notFound();
  const { connections } = await services.store.load();
  const nameOf = (id: number) => connections.find((it) => it.id === id)?.name;
  return page(context, <CallPage report={report} nameOf={nameOf} />);
}

/** The version first: one read after the row could belong to a newer row. */
async function settingsOf(context: AdminContext, store: Services["store"]) {
  const version = await store.version("settings", SETTINGS_ID);
  const { settings: all = {} } = await store.load();
  const settings = settingsFor(context.get("role"), all);
  return { settings, ...(version === undefined ? {} : { version }) };
}

/** The version is read before the row: one read after it could belong to a newer row. */
async function connectionPage(
  context: AdminContext,
  { store, gateway, operations, now }: Services,
): Promise<Response> {
  if (context.req.param("id") === "new") {
    return page(context, <ConnectionPage config={await store.load()} connection={undefined} />);
  }
  const id = idOf(context);
  const version = await store.version("connection", id);
  const config = await store.load();
  const connection = config.connections.find((it) => it.id === id);
  if (!connection) return context.notFound();
  const status = gateway.status();
  const firewall = firewallNow(connection, status);
  const passedAt = await operations.passedAt(id);
  const daysAgo = passedAt === undefined ? undefined : Math.floor((now() - passedAt) / DAY_MS);
  const hasStandIn = standInsOf(connection, config.connections).length > 0;
  const tested = { daysAgo, hasStandIn, verification: await operations.verification(id) };
  const view = { config, connection, version, network: status.network, firewall, tested };
  return page(context, <ConnectionPage {...view} />);
}

async function accountPage(context: AdminContext, { accounts }: Services): Promise<Response> {
  const account = await accounts.one(idOf(context));
  if (!account) return context.notFound();
  const own = account.id === context.get("account");
  return page(context, <AccountPage account={account} version={account.version} own={own} />);
}

async function userPage(context: AdminContext, { store }: Services): Promise<Response> {
  if (context.req.param("id") === "new") return page(context, <UserPage />);
  const id = idOf(context);
  const version = await store.version("user", id);
  const user = (await store.load()).users.find((it) => it.id === id);
  return user ? page(context, <UserPage user={user} version={version} />) : context.notFound();
}
