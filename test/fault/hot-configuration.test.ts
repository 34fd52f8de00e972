/**
 * R10: the configuration is changed again and again while calls are up. They are heard as before, only
 * what was touched registers anew, and who was taken off a list is refused at once.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { VirtualPbx } from "../../bench/endpoints/virtual-pbx.ts";
import { GeneratorProcess } from "../../bench/load/generator-process.ts";
import { areHeard, callsBeside, prepareCalls } from "../rigs/calls-beside.ts";
import { freePort } from "../rigs/free-port.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { scaled } from "../rigs/scale.ts";

const HOST = "127.0.0.1";
/** No other connection knows it. */
const CALLING = "127.0.0.66";
const caller = { user: "caller", password: "caller-password" };
const account = { username: "jack", password: "jack-password" };
/** The catalogue's: a removed address is refused within a second. */
const REFUSED_MS = 1_000;
const SECONDS = 6;
const LOSS_MAX = 0.02;
const CLOCKS_MS = 50;

let gateway: GatewayRig;
let generator: GeneratorProcess;
let pbxPort = 0;
/** One whose connection is edited, and one whose isn't. */
const pbxs: VirtualPbx[] = [];

beforeAll(async () => {
  gateway = await GatewayRig.start({ rtpPorts: "34700-34999" });
  generator = await GeneratorProcess.start();
  pbxPort = await freePort();
  await prepareCalls(gateway, { pbxPort, ...caller });
  for (let index = 0; index < 2; index++) {
    pbxs.push(await VirtualPbx.start({ codec: "PCMA", plays: new Int16Array(160), account }));
  }
}, 60_000);
afterAll(async () => {
  for (const pbx of pbxs) pbx.stop();
  await generator.stop();
  await gateway.stop();
});

/** What a call from that address comes to: the status of the final answer. */
async function outcomeOf(from: string, index: number): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const socket = await Bun.udpSocket({
    hostname: from,
    socket: {
      data: (_socket, data) => {
        const status = Number(/^SIP\/2\.0 (\d{3})/.exec(data.toString())?.[1]);
        if (status >= 200) resolve(status);
      },
    },
  });
  const lines = [
    `INVITE sip:caller@${HOST} SIP/2.0`,
    `Via: SIP/2.0/UDP ${from}:${socket.port};branch=z9hG4bKhot${index};rport`,
    ...[`From: <sip:1@${from}>;tag=hot${index}`, `To: <sip:caller@${HOST}>`],
    ...[`Call-ID: hot-${index}`, "CSeq: 1 INVITE", `Contact: <sip:1@${from}:${socket.port}>`],
    ...["Max-Forwards: 70", "Content-Length: 0", "", ""],
  ];
  socket.send(lines.join("\r\n"), gateway.sipPort, HOST);
  const status = await promise;
  socket.close();
  return status;
}

test("R10: edits while calls are up: these are heard, what wasn't touched stays registered as it is", async () => {
  const [edited, quiet] = pbxs;
  if (!edited || !quiet) throw new Error("there are two");
  const connect = (name: string, { port }: VirtualPbx, more: object) =>
    gateway.api<{ id: number }>("POST", "/connections", {
      ...{ name, type: "outbound-registration", host: HOST, port, patterns: [] },
      ...{ ...account, ...more },
    });
  const { id } = await connect("Edited", edited, {});
  await connect("Quiet", quiet, {});
  const trunk = await connect("Calling", quiet, { type: "outbound-trunk", allow: [CALLING] });
  const since = async (wanted: string) => {
    const { connections } = await gateway.status();
    return connections.find(({ name }) => name === wanted)?.since ?? 0;
  };
  const isUp = ["Edited", "Quiet"];
  await gateway.until("registered", ({ connections }) =>
    isUp.every((wanted) =>
      connections.some((it) => it.name === wanted && it.registration === "registered"),
    ),
  );
  const calls = scaled("R10 calls", 50, 0.12);
  const edits = scaled("R10 edits", 1_000, 0.05);
  const before = { edited: await since("Edited"), quiet: await since("Quiet") };
  const load = { calls, seconds: SECONDS, pbxPort, ...caller };
  const { run } = await callsBeside(gateway, generator, load, async () => {
    for (let edit = 0; edit < edits; edit++) {
      const change = [{ weight: edit }, { maxCalls: 5 + edit }, { fromUser: `jack${edit}` }][
        edit % 3
      ];
      await gateway.api("PATCH", `/connections/${id}`, change);
    }
    let asked = 0;
    // Nobody's softphone is there; but it is let in.
    expect(await outcomeOf(CALLING, asked++)).toBe(480);
    await gateway.api("PATCH", `/connections/${trunk.id}`, { allow: ["192.0.2.1"] });
    const changedAt = performance.now();
    while ((await outcomeOf(CALLING, asked++)) !== 403) await Bun.sleep(20);
    expect(performance.now() - changedAt).toBeLessThan(REFUSED_MS);
  });
  areHeard("R10", run, calls, LOSS_MAX);
  // Told by the wall clock, of moments of the other: a little more or less each time.
  expect(await since("Edited")).toBeGreaterThan(before.edited + CLOCKS_MS);
  expect(Math.abs((await since("Quiet")) - before.quiet)).toBeLessThan(CLOCKS_MS);
  expect([edited, quiet].map(({ registered }) => registered.length)).toEqual([1, 1]);
  const { alive } = await gateway.untilFree();
  expect(alive["calls"] ?? 0).toBe(0);
}, 600_000);
