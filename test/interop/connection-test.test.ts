/**
 * Test connection against real peers: Kamailio with digest, OpenSSL as a TLS server that speaks no
 * SIP, a port that is closed, one that is silent, and a name that leads home (TST-01, TST-05, W8).
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestStep } from "../../gateway/b2bua/test-verdicts.ts";
import { freePort } from "../rigs/free-port.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { Kamailio } from "../rigs/kamailio.ts";
import { hasOpenssl, makeCertificate, withTlsServer } from "../rigs/openssl.ts";
import { sipsak } from "../rigs/sipsak.ts";

const PORT = 25_430;
const ACCOUNT = { user: "gateway", password: "proxy-password" };
const canRun = Bun.which("kamailio") !== null && Bun.which("sipsak") !== null && hasOpenssl;

let directory = "";
let kamailio: Kamailio | undefined;
/** One may ask this machine, as for a PBX beside it; the other may not. */
let gateway: GatewayRig;
let careful: GatewayRig;

beforeAll(async () => {
  if (!canRun) return;
  directory = mkdtempSync(join(tmpdir(), "connection-test-"));
  [kamailio, gateway, careful] = await Promise.all([
    Kamailio.start({ directory: join(directory, "proxy"), port: PORT, account: ACCOUNT }),
    GatewayRig.start({ environment: { JACKFIELD_TEST_LOOPBACK: "true" } }),
    GatewayRig.start(),
  ]);
}, 60_000);
afterAll(async () => {
  await Promise.all([kamailio?.stop(), gateway?.stop(), careful?.stop()]);
  if (directory !== "") rmSync(directory, { recursive: true, force: true });
});

const DRAFT = { name: "Draft", host: "127.0.0.1", port: PORT, username: ACCOUNT.user };

/** Waits for its turn: one in two seconds. */
async function ask(rig: GatewayRig, draft: object): Promise<Response> {
  for (;;) {
    const response = await fetch(`${rig.url}/api/v1/connections/test`, {
      method: "POST",
      headers: { Authorization: `Bearer ${rig.token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ ...DRAFT, ...draft }),
    });
    if (response.status !== 429) return response;
    await Bun.sleep(250);
  }
}

async function stepsOf(draft: object): Promise<TestStep[]> {
  const response = await ask(gateway, draft);
  const text = await response.text();
  expect([response.status, text.slice(0, 9)]).toEqual([200, '{"begun":']);
  const events = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as TestStep);
  return events.filter(({ verdict }) => verdict !== undefined);
}

/** The account's bindings as Kamailio tells them: a REGISTER without a Contact asks for them. */
async function bindings(): Promise<string[]> {
  const { user, password } = ACCOUNT;
  const target = `sip:${user}@127.0.0.1:${PORT}`;
  const { exitCode, output } = await sipsak("-U", "-C", "empty", "-a", password, "-s", target);
  const answer = output.slice(output.lastIndexOf("SIP/2.0 200"));
  expect([exitCode, answer.slice(0, 11)]).toEqual([0, "SIP/2.0 200"]);
  return [...answer.matchAll(/^Contact: (.+?)\r?$/gm)].map(([, contact]) => contact ?? "");
}

const verdicts = async (draft: object) => (await stepsOf(draft)).map(({ verdict }) => verdict);

test.skipIf(!canRun)(
  "TST-01: Kamailio with the right password and with the wrong one, and a peer over TCP that knows us not",
  async () => {
    const { password } = ACCOUNT;
    const good = [
      "resolved",
      "no-connection-needed",
      "answers",
      "password-good",
      "capable",
      "no-pattern",
    ];
    const found = await verdicts({ password });
    expect(found).toEqual(good as TestStep["verdict"][]);
    // Another gateway, which knows us not, over TCP.
    const stranger = { port: careful.sipPort, transport: "tcp", password };
    expect(await verdicts(stranger)).toEqual([
      "resolved",
      "connected",
      "answers-no-options",
      "forbidden",
    ]);
    expect(await verdicts({ password: "another" })).toContain("password-wrong");
    expect(await verdicts({})).toContain("password-missing");
    // Asking left nothing behind: neither a connection here nor a binding of the account there.
    const status = await gateway.api<{ connections: object[] }>("GET", "/status");
    expect(status.connections).toEqual([]);
    expect(await bindings()).toEqual([]);
    // One of a connection that registers would be seen there.
    const registering = { ...DRAFT, password, type: "outbound-registration" };
    await gateway.api("POST", "/connections", registering);
    await gateway.until("registered", ({ connections }) =>
      connections.some(({ registration }) => registration === "registered"),
    );
    expect(await bindings()).toEqual([expect.stringContaining("sip:")]);
  },
  60_000,
);

test.skipIf(!canRun)(
  "TST-05: certificates nobody signed or for another name, and TLS that is not SIP",
  async () => {
    await makeCertificate(directory, "own", ["pbx.example.com"]);
    await withTlsServer(directory, "own", [], async (port) => {
      const tls = { port, transport: "tls", password: "x" };
      expect((await verdicts(tls)).at(-1)).toBe("tls-untrusted");
      const caFile = join(directory, "own.pem");
      const named = await verdicts({ ...tls, tls: { verify: "strict", caFile } });
      expect(named.at(-1)).toBe("tls-name");
      const unchecked = await stepsOf({ ...tls, tls: { verify: "off" } });
      expect(unchecked.map(({ verdict }) => verdict).slice(1, 3)).toEqual([
        "connected",
        "certificate-unchecked",
      ]);
      expect(unchecked[2]?.facts.join()).toContain("made for: pbx.example.com");
      expect(["silent", "closed"]).toContain(unchecked.at(-1)?.verdict ?? "");
    });
  },
  90_000,
);

test.skipIf(!canRun)(
  "W8: closed, silent and not TLS: each in its time, and closed looks like filtered",
  async () => {
    const closed = await freePort();
    const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
    const began = Date.now();
    const [first] = (await stepsOf({ port: closed, transport: "tcp" })).slice(-1);
    expect(first?.verdict).toBe("unreachable");
    // Never earlier than a filtered port would be told.
    expect(Date.now() - began).toBeGreaterThanOrEqual(5_000);
    expect(first?.tookMs).toBeGreaterThanOrEqual(5_000);
    expect((await verdicts({ port: silent.port, transport: "tcp" })).slice(1)).toEqual([
      "connected",
      "silent",
      "silent",
    ]);
    expect((await verdicts({ port: closed })).slice(1, 3)).toEqual([
      "no-connection-needed",
      "silent",
    ]);
    silent.stop(true);
  },
  120_000,
);

test.skipIf(!canRun)(
  "W8: without the switch nothing on this machine is asked, whatever it is called",
  async () => {
    let connections = 0;
    const trap = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data: () => {},
        open: () => {
          connections += 1;
        },
      },
    });
    const hosts = ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "::1", "0.0.0.0"];
    for (const host of hosts) {
      const response = await ask(careful, { host, port: trap.port, transport: "tcp" });
      const text = await response.text();
      // What is no name and no address the name service may know neither: nothing is asked then.
      const isRefused = response.status === 422 || text.includes('"no-address"');
      expect([host, isRefused]).toEqual([host, true]);
    }
    expect(connections).toBe(0);
    trap.stop(true);
  },
  60_000,
);
