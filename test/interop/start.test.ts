/** What an operator can get wrong: each time one line that says what to do, and exit status 2. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Libsql from "libsql";
import type { Status } from "../../gateway/b2bua/status.ts";
import { GatewayRig } from "../rigs/gateway.ts";

const main = join(import.meta.dir, "../../gateway/main.ts");
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "start-"));
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

async function start(...args: string[]): Promise<{ status: number; lines: string[] }> {
  const common = [
    "--http=127.0.0.1:0",
    "--sip=127.0.0.1:0",
    "--media=127.0.0.1",
    "--webrtc-port=0",
  ];
  const child = Bun.spawn([process.execPath, main, ...common, ...args], {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, JACKFIELD_ADMIN_PASSWORD: undefined },
  });
  const timer = setTimeout(() => child.kill(), 15_000);
  const status = await child.exited;
  clearTimeout(timer);
  const text = await new Response(child.stderr).text();
  return { status, lines: text.split("\n").filter(Boolean) };
}

function expectAdvice(
  { status, lines }: { status: number; lines: string[] },
  advice: RegExp,
): void {
  expect({ status, lines: lines.length }).toEqual({ status: 2, lines: 1 });
  expect(lines[0]).toStartWith("jackfield: ");
  expect(lines[0]).toMatch(advice);
}

test("an unknown flag", async () => {
  expectAdvice(await start("--htpp=1"), /unknown option .*--help/);
});

test("a flag with a value that is none", async () => {
  expectAdvice(await start("--rtp-ports=20000-10000"), /write A-B/);
  expectAdvice(await start("--workers=many"), /whole number from 1 to 64/);
  expectAdvice(await start("--tls-cert=x.pem"), /belong together/);
});

test("D2: a public address without TLS", async () => {
  expectAdvice(await start("--http=0.0.0.0:0"), /--tls-cert and --tls-key.*--insecure-http/);
});

test("two ways to one certificate, names that are none, a port that is taken", async () => {
  const own = ["--tls-cert=a.pem", "--tls-key=b.pem", "--acme=phones.example.com"];
  expectAdvice(await start(...own), /--acme and --tls-cert are two ways/);
  expectAdvice(await start("--acme=localhost"), /write host names/);
  const other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  const taken = ["--acme=phones.example.com", `--acme-http=127.0.0.1:${other.port}`];
  expectAdvice(await start(...taken), /--acme-http .* can't be opened/);
  await other.stop(true);
});

test("a certificate that is not there", async () => {
  expectAdvice(
    await start("--tls-cert=a.pem", "--tls-key=b.pem"),
    /certificate a\.pem can't be used/,
  );
});

test("a port that is taken", async () => {
  const other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() });
  expectAdvice(
    await start(`--http=127.0.0.1:${other.port}`),
    /can't be opened.*choose another port/,
  );
  await other.stop(true);
  const sip = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0 });
  expectAdvice(await start(`--sip=127.0.0.1:${sip.port}`), /another SIP program/);
  sip.close();
  const media = await Bun.udpSocket({ hostname: "127.0.0.1", port: 0 });
  expectAdvice(await start(`--webrtc-port=${media.port}`), /--media and --webrtc-port/);
  media.close();
  expectAdvice(await start("--media=203.0.113.77"), /not one of this machine's/);
});

test("a file that is no database", async () => {
  mkdirSync(join(directory, "data"));
  writeFileSync(
    join(directory, "data/jackfield.db"),
    "this is not a database, however long it may be. ".repeat(100),
  );
  expectAdvice(await start(), /no Jackfield database/);
});

test("R14: a database of a newer version", async () => {
  const gateway = await GatewayRig.start({ directory });
  // The rig removes its directory when it stops, so the file is opened while it runs.
  const database = new Libsql(join(directory, "data/jackfield.db"));
  database.exec(
    "insert into kysely_migration (name, timestamp) values ('9999-future', '2099-01-01')",
  );
  database.close();
  expectAdvice(await start(), /newer Jackfield/);
  await gateway.stop();
});

test("a key that belongs to another database", async () => {
  const gateway = await GatewayRig.start({ directory });
  await gateway.api("POST", "/connections", {
    name: "PBX",
    host: "127.0.0.1",
    port: 9,
    username: "a",
    password: "the-pbx-password",
    patterns: [{ pattern: "." }],
  });
  chmodSync(join(directory, "data/secret.key"), 0o600);
  writeFileSync(join(directory, "data/secret.key"), "ab".repeat(32));
  expectAdvice(await start(), /can't be read with this key/);
  await gateway.stop();
});

test("the first start prints the address and a link that sets the password once", async () => {
  const child = Bun.spawn(
    [
      process.execPath,
      main,
      "--http=127.0.0.1:0",
      "--sip=127.0.0.1:0",
      "--media=127.0.0.1",
      "--webrtc-port=0",
    ],
    {
      cwd: directory,
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, JACKFIELD_ADMIN_PASSWORD: undefined },
    },
  );
  let text = "";
  for await (const chunk of child.stdout) {
    text += new TextDecoder().decode(chunk);
    if (/token=\w+/.test(text)) break;
  }
  const link = /http:\S+token=\w+/.exec(text)?.[0] ?? "";
  const url = new URL(link);
  expect((await fetch(`${url.origin}/api/v1/users`)).status).toBe(403);
  expect((await fetch(link)).status).toBe(200);
  const setUp = () =>
    fetch(`${url.origin}/setup`, {
      method: "POST",
      headers: { Origin: url.origin },
      body: new URLSearchParams({
        token: url.searchParams.get("token") ?? "",
        password: "twelve characters",
      }),
      redirect: "manual",
    });
  expect((await setUp()).status).toBe(303);
  expect((await setUp()).status).toBe(403);
  expect((await fetch(link)).status).toBe(403);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
});

test("OPS-10: one process is the edge for softphones, the border to PBXs and the transcoder", async () => {
  const gateway = await GatewayRig.start();
  const socket = new WebSocket(gateway.socketUrl, "sip");
  const isOpen = await new Promise((resolve) => {
    socket.onopen = () => resolve(true);
    socket.onerror = () => resolve(false);
  });
  expect(isOpen).toBe(true);
  socket.close();
  const { network, workers } = await gateway.api<Status>("GET", "/status");
  expect([network.sipPort, workers.length]).toEqual([gateway.sipPort, 1]);
  const children = readdirSync(`/proc/${gateway.pid}/task`).map((task) =>
    readFileSync(`/proc/${gateway.pid}/task/${task}/children`, "utf8").trim(),
  );
  expect(children.length).toBeGreaterThan(1);
  expect(children.filter((it) => it !== "")).toEqual([]);
  expect(await gateway.stop()).toBe(0);
  // Whoever reads of three servers elsewhere is told which of them this is.
  const readme = readFileSync(join(import.meta.dir, "../../README.md"), "utf8");
  expect(readme).toMatch(/edge proxy .*session border controller .*transcoding server/);
  expect(readme).toContain("Here one process is all three");
});
