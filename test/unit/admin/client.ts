/** The admin on a database of its own, a gateway that only remembers, and somebody who asks. */
import { basename } from "node:path";
import { createAdmin } from "../../../admin/app.ts";
import type { TestCallPlan, TestEvent } from "../../../admin/services.ts";
import type { Past } from "../../../gateway/b2bua/back-then.ts";
import type { CallReport } from "../../../gateway/b2bua/call-trace.ts";
import type { CallRecord, Explanation, Status } from "../../../gateway/b2bua/status.ts";
import { systemRandom } from "../../../gateway/io/random.ts";
import { Access } from "../../../schema/access.ts";
import { Accounts, FIRST_ACCOUNT } from "../../../schema/accounts.ts";
import { Audit } from "../../../schema/audit.ts";
import { listBackups, makeBackup } from "../../../schema/backup.ts";
import type { Config, Connection, User } from "../../../schema/config.ts";
import { Happenings } from "../../../schema/happenings.ts";
import { Invitations } from "../../../schema/invitations.ts";
import type { PatternDoubts } from "../../../schema/pattern-doubts.ts";
import { Records } from "../../../schema/records.ts";
import type { Role } from "../../../schema/roles.ts";
import { Verifications } from "../../../schema/verification.ts";
import { openStoreForTest } from "../schema/opened.ts";

export const ORIGIN = "https://admin.example";
export const PASSWORD = "a long enough password";
export const IDLE: Status = {
  draining: false,
  connections: [],
  calls: [],
  bindings: [],
  alive: {},
  droppedMessages: 0,
  bans: [],
  workers: [],
  certificates: [],
  certificatesFrom: "settings",
  network: {
    address: "192.0.2.1",
    addressFrom: "interface",
    host: "192.0.2.1",
    sipPort: 5_060,
    bound: { sip: "0.0.0.0", sipTls: "0.0.0.0", media: "192.0.2.1" },
    rtpPorts: { first: 10_000, last: 20_000 },
    interfaces: [],
    webrtcPorts: { first: 8_081, last: 8_081 },
  },
};

export type Client = Awaited<ReturnType<typeof openClient>>;

interface Ask {
  body?: unknown;
  headers?: Record<string, string>;
  from?: string;
}

export async function openClient(options: { setUp?: boolean; secure?: boolean } = {}) {
  const opened = await openStoreForTest();
  /** `now` is what somebody may set. */
  const clock = { now: 1_700_000_000_000, monotonic: 0 };
  const now = () => clock.now;
  const monotonic = () => clock.monotonic;
  const { database } = opened;
  const access = new Access({ database, random: systemRandom, now, monotonic });
  const accounts = new Accounts({ database, now });
  const invitations = new Invitations({ database, random: systemRandom, now });
  const audit = new Audit({ database: opened.database, now });
  const gateway = {
    status: IDLE,
    applied: [] as Config[],
    hungUp: [] as string[],
    transferred: [] as unknown[][],
    unbanned: [] as string[],
    tested: [] as Connection[],
    doubts: [] as PatternDoubts[],
    testEvents: [] as TestEvent[],
    testCalls: [] as TestCallPlan[],
    awaited: [] as number[],
    /** A test call lasts as long. */
    testing: Promise.resolve(),
    reports: new Map<string, CallReport>(),
    strangers: [] as CallRecord[],
    explanation: { number: "250", ways: [], steps: [] } as Explanation,
    /** Asked about a time that is past, it may be asked more. */
    explain: (_user: User, _number: string, _past?: Past): Explanation => gateway.explanation,
  };
  const happenings = new Happenings(opened.database);
  const records = new Records(opened.database);
  const verifications = new Verifications(opened.database);
  const operations = {
    raised: [] as { rule: string; subject: string; text: string }[],
    canWrite: true,
    webhookFault: undefined as string | undefined,
  };
  const listeners = new Set<() => void>();
  const faults: Error[] = [];
  const verified: (string | undefined)[] = [];
  const app = createAdmin({
    store: opened.store,
    access,
    accounts,
    invitations,
    audit,
    records,
    gateway: {
      apply: (config) => gateway.applied.push(config),
      status: () => gateway.status,
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      hangUp: (call) => gateway.hungUp.push(call),
      transfer: (...all) => gateway.transferred.push(all),
      unban: (source) => gateway.unbanned.push(source),
      explain: (...asked) => gateway.explain(...asked),
      test: async (connection, doubts, tell) => {
        gateway.tested.push(connection);
        gateway.doubts.push(doubts);
        for (const event of gateway.testEvents) tell(event);
      },
      testCall: async (plan, tell) => {
        gateway.testCalls.push(plan);
        for (const event of gateway.testEvents) tell(event);
        await gateway.testing;
      },
      awaitCall: async (connection, tell) => {
        gateway.awaited.push(connection);
        for (const event of gateway.testEvents) tell(event);
        await gateway.testing;
      },
      calls: {
        report: (call) => gateway.reports.get(call),
        strangers: () => gateway.strangers,
      },
    },
    operations: {
      heard: (...all) => verifications.heard(...all),
      verification: (connection) => verifications.of(connection),
      verifications: () => verifications.all(),
      passedAt: (connection) => happenings.passedAt(connection),
      tested: (change) => happenings.addChanges([change]),
      history: (...page) => happenings.changes(...page),
      states: (at) => happenings.states(at),
      alerts: (...page) => happenings.alerts(...page),
      peakCalls: (...since) => happenings.peakCalls(...since),
      raised: () => operations.raised,
      canWrite: () => operations.canWrite,
      tryWebhook: async () => operations.webhookFault,
      newWebhookSecret: async () => "a new secret",
      backups: () => listBackups(opened.directory),
      backUp: async () => basename(await makeBackup(opened.database, opened.directory, now())),
    },
    // The real one is the runtime's argon2id and slow on purpose.
    hasher: {
      hash: async (password) => `hash of ${password}`,
      verify: async (password, hash) => {
        verified.push(hash);
        return hash === `hash of ${password}`;
      },
    },
    report: (error) => faults.push(error),
    now,
  });
  if (options.setUp !== false) await access.makeFirst(`hash of ${PASSWORD}`);
  const { token } = await access.newApiToken("test");

  /** As it comes from the network; a string body goes as it is, others as JSON. */
  const raw = async (method: string, path: string, { body, headers, from }: Ask = {}) => {
    const scheme = options.secure ? "https" : "http";
    const request = new Request(`${scheme}://admin.example${path}`, {
      method,
      headers: { Host: "admin.example", ...headers },
      ...(body === undefined ? {} : { body: body as NonNullable<RequestInit["body"]> }),
    });
    return app.fetch(request, { remoteAddress: from ?? "192.0.2.1" });
  };
  const asProgram = (method: string, path: string, { body, headers, ...rest }: Ask = {}) =>
    raw(method, path, {
      ...rest,
      ...(body === undefined
        ? {}
        : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      headers: {
        Authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
    });
  const form = (path: string, fields: Record<string, string>, from?: string) =>
    raw("POST", path, {
      body: new URLSearchParams(fields),
      headers: { Origin: ORIGIN },
      ...(from === undefined ? {} : { from }),
    });
  return {
    ...opened,
    app,
    access,
    accounts,
    verified,
    clock,
    gateway,
    operations,
    happenings,
    records,
    listeners,
    faults,
    token,
    raw,
    asProgram,
    form,
  };
}

/** The cookie a log-in sets, as the browser sends it back. */
export function cookieOf(response: Response): string {
  return response.headers.get("set-cookie")?.split(";")[0] ?? "";
}

/** As that account, the first one unless named. */
export async function logIn({ form }: Client, name = FIRST_ACCOUNT): Promise<string> {
  return cookieOf(await form("/login", { name, password: PASSWORD }));
}

/** Another account with the same password. */
export async function makeAccount({ accounts }: Client, name: string, role: Role): Promise<number> {
  const passwordHash = `hash of ${PASSWORD}`;
  return (await accounts.create({ name, role, enabled: true, passwordHash }, "test")).id;
}
