/** The admin on a database of its own, a gateway that only remembers, and somebody who asks. */
import { createAdmin } from "../../../admin/app.ts";
import type { Status } from "../../../gateway/b2bua/status.ts";
import { systemRandom } from "../../../gateway/io/random.ts";
import { Access } from "../../../schema/access.ts";
import type { Config } from "../../../schema/config.ts";
import { Records } from "../../../schema/records.ts";
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
  workers: [],
};

export type Client = Awaited<ReturnType<typeof openClient>>;

interface Ask {
  body?: unknown;
  headers?: Record<string, string>;
  from?: string;
}

export async function openClient(options: { setUp?: boolean; secure?: boolean } = {}) {
  const opened = await openStoreForTest();
  const clock = { now: 1_700_000_000_000 };
  const now = () => clock.now;
  const access = new Access({ database: opened.database, random: systemRandom, now });
  const gateway = { status: IDLE, applied: [] as Config[], hungUp: [] as string[] };
  const listeners = new Set<() => void>();
  const faults: Error[] = [];
  const app = createAdmin({
    store: opened.store,
    access,
    records: new Records(opened.database),
    gateway: {
      apply: (config) => gateway.applied.push(config),
      status: () => gateway.status,
      subscribe: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      hangUp: (call) => gateway.hungUp.push(call),
    },
    // The real one is the runtime's argon2id and slow on purpose.
    hasher: {
      hash: async (password) => `hash of ${password}`,
      verify: async (password, hash) => hash === `hash of ${password}`,
    },
    report: (error) => faults.push(error),
    now,
    secure: options.secure ?? false,
  });
  if (options.setUp !== false) await access.setPassword(`hash of ${PASSWORD}`);
  const { token } = await access.newApiToken("test");

  /** As it comes from the network; a string body goes as it is, others as JSON. */
  const raw = async (method: string, path: string, { body, headers, from }: Ask = {}) => {
    const request = new Request(`${ORIGIN}${path}`, {
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
  return { ...opened, app, access, clock, gateway, listeners, faults, token, raw, asProgram, form };
}

/** The cookie a log-in sets, as the browser sends it back. */
export function cookieOf(response: Response): string {
  return response.headers.get("set-cookie")?.split(";")[0] ?? "";
}

export async function logIn({ form }: Client): Promise<string> {
  return cookieOf(await form("/login", { password: PASSWORD }));
}
