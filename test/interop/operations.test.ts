/** Operations end to end, on a gateway as its users run it: alerts, history, metrics, console. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backupsIn } from "../../schema/backup-files.ts";
import { openConnection } from "../../schema/connection.ts";
import { GatewayRig } from "../rigs/gateway.ts";

const main = join(import.meta.dir, "../../gateway/main.ts");
const directory = mkdtempSync(join(tmpdir(), "operations-"));
const data = join(directory, "data");
let gateway: GatewayRig;

interface Hooked {
  signature: string;
  body: string;
}

beforeAll(async () => {
  const environment = { JACKFIELD_WEBHOOK_LOOPBACK: "true" };
  gateway = await GatewayRig.start({ directory, environment });
});

afterAll(async () => {
  await gateway.stop();
});

/** A command of the console, beside the running gateway. */
async function console_(args: string[], input = ""): Promise<{ status: number; text: string }> {
  const child = Bun.spawn([process.execPath, main, ...args, `--data=${data}`], {
    stdio: [new Blob([input]), "pipe", "pipe"],
    env: process.env,
  });
  const [out, error] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { status: await child.exited, text: out + error };
}

async function until<Value>(what: string, look: () => Promise<Value | undefined>): Promise<Value> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    if (performance.now() > deadline) throw new Error(`never: ${what}\n${gateway.log.join("\n")}`);
    await Bun.sleep(50);
  }
}

test("OPS-03, OPS-05: a PBX that is down is history, an alert and a signed message; then it is back", async () => {
  const hooked: Hooked[] = [];
  const hook = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      const signature = request.headers.get("Jackfield-Signature") ?? "";
      hooked.push({ signature, body: await request.text() });
      return new Response("");
    },
  });
  const { secret } = await gateway.api<{ secret: string }>("POST", "/alerts/secret");
  const alerts = { webhook: `http://127.0.0.1:${hook.port}/alerts` };
  await gateway.api("PUT", "/settings", { alerts });
  expect(await gateway.api<object>("POST", "/alerts/test")).toEqual({ sent: true });
  // A PBX that says itself that it is out of service is down at once.
  let status = "SIP/2.0 503 Service Unavailable";
  const pbx = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (socket, bytes, from, address) => {
        const kept = /^(?:Via|From|To|Call-ID|CSeq):/i;
        const lines = bytes
          .toString()
          .split("\r\n")
          .filter((it) => kept.test(it));
        const answer = [status, ...lines, "Content-Length: 0", "", ""].join("\r\n");
        socket.send(answer.replace(/^(To: [^;\r]*)$/m, "$1;tag=1"), from, address);
      },
    },
  });
  const connection = {
    name: "Office",
    type: "outbound-trunk",
    host: "127.0.0.1",
    port: pbx.port,
    optionsInterval: 10,
    allow: ["127.0.0.1"],
  };
  const { id } = await gateway.api<{ id: number }>("POST", "/connections", connection);
  const raised = await until("an alert", async () =>
    hooked.find(({ body }) => body.includes("trunk-down")),
  );
  const [, at = "", code] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(raised.signature) ?? [];
  expect(createHmac("sha256", secret).update(`${at}.${raised.body}`).digest("hex")).toBe(
    code ?? "",
  );
  expect(JSON.parse(raised.body)).toMatchObject({ change: "raised", subject: "Office" });
  status = "SIP/2.0 200 OK";
  await until("the recovery", async () => hooked.find(({ body }) => body.includes("recovered")));
  const states = async () => {
    const rows = await gateway.api<{ aspect: string; state: string }[]>(
      "GET",
      `/connections/${id}/history`,
    );
    return rows.map(({ state }) => state);
  };
  const history = await until("history", async () => {
    const seen = await states();
    return seen[0] === "ok" ? seen : undefined;
  });
  expect(history).toContain("down");
  const [alert] = await gateway.api<{ rule: string; recovered?: number }[]>("GET", "/alerts");
  expect([alert?.rule, typeof alert?.recovered]).toEqual(["trunk-down", "number"]);
  pbx.close();
  await hook.stop(true);
}, 60_000);

test("OPS-07: metrics are for who shows a token", async () => {
  expect((await fetch(`${gateway.url}/metrics`)).status).toBe(401);
  const headers = { Authorization: `Bearer ${gateway.token}` };
  const text = await (await fetch(`${gateway.url}/metrics`, { headers })).text();
  expect(text).toMatch(/^jackfield_connection_reachable\{connection="Office"\} (?:0|0\.5|1)$/m);
  expect(text).toMatch(/^jackfield_memory_bytes \d+$/m);
});

test("OPS-02: what the console imports, the running gateway takes over by itself", async () => {
  await gateway.api("POST", "/users", { name: "alice", password: "wonderland" });
  const exported = await console_(["export"]);
  expect([exported.status, JSON.parse(exported.text)]).toMatchObject([
    0,
    { users: [{ name: "alice" }] },
  ]);
  const document = JSON.parse(exported.text);
  document.connections[0].name = "Head office";
  const file = join(directory, "import.json");
  writeFileSync(file, JSON.stringify(document));
  const trial = await console_(["import", file]);
  expect(trial.text).toContain("create connection Head office\n");
  expect(trial.text).toContain("nothing was changed");
  const done = await console_(["import", "--apply", "--replace", file]);
  expect([done.status, done.text]).toEqual([
    0,
    expect.stringContaining("delete connection Office"),
  ]);
  await gateway.until("taken over", ({ connections }) => connections[0]?.name === "Head office");
  expect(await console_(["check"])).toMatchObject({ status: 0 });
  document.users[0].name = "not a name";
  writeFileSync(file, JSON.stringify(document));
  const wrong = await console_(["import", "--apply", file]);
  expect([wrong.status, wrong.text]).toEqual([1, expect.stringContaining("problem: users[0]")]);
}, 60_000);

test("OPS-02, D6: the console's password and backup; what needs the gateway stopped says so", async () => {
  const backup = await console_(["backup"]);
  expect([backup.status, backupsIn(data).length]).toEqual([0, 1]);
  const refused = await console_(["restore", backup.text.trim()]);
  expect([refused.status, refused.text]).toEqual([2, expect.stringContaining("stop it first")]);
  expect(await console_(["user"], "short\n")).toMatchObject({ status: 2 });
  const unknown = await console_(["user", "anna"], "another long password\n");
  expect([unknown.status, unknown.text]).toEqual([2, expect.stringContaining("administrator")]);
  expect(await console_(["user"], "another long password\n")).toMatchObject({ status: 0 });
  const logIn = (password: string) =>
    fetch(`${gateway.url}/login`, {
      method: "POST",
      headers: { Origin: gateway.url },
      body: new URLSearchParams({ password }),
      redirect: "manual",
    });
  expect((await logIn("a-password-for-tests")).status).toBe(401);
  expect((await logIn("another long password")).status).toBe(303);
}, 60_000);

test("D5: while another program holds the database, SIP is answered and reading goes on", async () => {
  const other = openConnection(join(data, "jackfield.db"));
  other.exec("BEGIN EXCLUSIVE");
  const saving = fetch(`${gateway.url}/api/v1/users`, {
    method: "POST",
    headers: { Authorization: `Bearer ${gateway.token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ name: "carol", password: "long enough" }),
  });
  const answered = Promise.withResolvers<string>();
  const phone = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (_socket, bytes) => answered.resolve(bytes.toString().split("\r\n")[0] ?? "") },
  });
  const options = [
    "OPTIONS sip:jackfield@127.0.0.1 SIP/2.0",
    `Via: SIP/2.0/UDP 127.0.0.1:${phone.port};branch=z9hG4bKd5;rport`,
    "From: <sip:a@127.0.0.1>;tag=1",
    "To: <sip:jackfield@127.0.0.1>",
    "Call-ID: d5",
    "CSeq: 1 OPTIONS",
    "Max-Forwards: 70",
    "Content-Length: 0",
    "",
    "",
  ].join("\r\n");
  let isSaved = false;
  void saving.then(() => {
    isSaved = true;
  });
  phone.send(options, gateway.sipPort, "127.0.0.1");
  expect(await answered.promise).toStartWith("SIP/2.0 ");
  expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
  expect(isSaved).toBe(false);
  expect((await saving).status).toBe(503);
  other.exec("COMMIT");
  other.close();
  phone.close();
  const { id } = await gateway.api<{ id: number }>("POST", "/users", {
    name: "carol",
    password: "long enough",
  });
  expect(id).toBeGreaterThan(0);
}, 60_000);
