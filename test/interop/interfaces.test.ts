/**
 * CON-20, CON-21, NAT-01: SIP and audio of a connection go by the interfaces it names. A real gateway
 * with further addresses of the machine; its PBXs see where SIP comes from and what it says of audio.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { FirewallRule } from "../../admin/firewall.ts";
import { matches } from "../../bench/audio/compare.ts";
import { recordedSpeech } from "../../bench/audio/speech.ts";
import { VirtualPbx, type VirtualPbxOptions } from "../../bench/endpoints/virtual-pbx.ts";
import { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import { sdpIn } from "../../gateway/phone/sip-dialog.ts";
import type { Served } from "../../gateway/phone/sip-endpoint.ts";
import { freePort } from "../rigs/free-port.ts";
import { GatewayRig } from "../rigs/gateway.ts";

const ALICE = { name: "alice", password: "alice-password" };
const [CARRIER, AUDIO, OUTSIDE] = ["127.0.0.2", "127.0.0.3", "198.51.100.20"];
const fromAlice = recordedSpeech("waiting", 48_000);
const fromPbx = recordedSpeech("ships", 16_000);
const account = { username: "jack", password: "jack-password" };

let gateway: GatewayRig;
let alice: VirtualSoftphone;
let sipPort = 0;

beforeAll(async () => {
  gateway = await GatewayRig.start();
  sipPort = await freePort();
  await gateway.api("POST", "/users", ALICE);
  await gateway.api("PUT", "/settings", {
    interfaces: [
      { name: "carrier", address: CARRIER, sipPort },
      { name: "audio", address: AUDIO },
      { name: "natted", address: CARRIER, externalAddress: OUTSIDE, sipPort: sipPort + 2 },
      { name: "elsewhere", address: "192.0.2.1", sipPort },
    ],
  });
  const plays = fromAlice.pcm;
  alice = await VirtualSoftphone.connect({
    ...{ server: gateway.socketUrl, user: ALICE.name, password: ALICE.password, plays },
  });
  await alice.register();
}, 60_000);
afterAll(async () => {
  alice.close();
  await gateway.stop();
});

/** A PBX behind a trunk with those fields, which keeps every call it is asked to take. */
async function pbxBehind(
  pattern: string,
  more: Record<string, unknown>,
  options: Partial<VirtualPbxOptions> = {},
) {
  const pbx = await VirtualPbx.start({ codec: "G722", plays: fromPbx.pcm, ...options });
  const asked: Served[] = [];
  pbx.onCall = (served) => {
    asked.push(served);
    void pbx.answer(served);
  };
  const { id } = await gateway.api<{ id: number }>("POST", "/connections", {
    ...{ name: `PBX ${pattern}`, type: "outbound-trunk", host: "127.0.0.1", port: pbx.port },
    ...{ patterns: [{ pattern: `^${pattern}$` }], allow: ["127.0.0.1"], inboundUser: 1, ...more },
  });
  return { pbx, asked, id };
}

async function heardBothWays(number: string, pbx: VirtualPbx): Promise<void> {
  const call = await alice.call(number);
  await Bun.sleep(4_000);
  const heard = { pcm: call.heard.samples(), sampleRate: call.heard.rate };
  expect(matches(fromPbx, heard)).toBe(true);
  const there = pbx.calls.at(-1)?.heard.samples() ?? new Int16Array(0);
  expect(matches(fromAlice, { pcm: there, sampleRate: 16_000 })).toBe(true);
  await call.dialog?.hangUp();
}

const header = ({ request }: Served, name: string) => request.headers.get(name) ?? "";

test("CON-20: SIP comes from the interface a connection names, and says so; the call is heard", async () => {
  const { pbx, asked, id } = await pbxBehind("201", { interface: "carrier" });
  await heardBothWays("201", pbx);
  const [invite] = asked;
  if (!invite) throw new Error("there was no INVITE");
  expect(invite.flow.remote).toEqual({ address: CARRIER, port: sipPort });
  expect(header(invite, "Via")).toContain(`${CARRIER}:${sipPort}`);
  expect(header(invite, "Contact")).toContain(`@${CARRIER}:${sipPort}>`);
  expect(sdpIn(invite.request)).toContain(`c=IN IP4 ${CARRIER}`);
  // And a call the other way is taken there.
  const taken = alice.answerNext();
  const back = await pbx.call({ address: CARRIER, port: sipPort }, "alice");
  expect((await taken).heard).toBeDefined();
  await Bun.sleep(500);
  expect(back.dialog).toBeDefined();
  await back.dialog?.hangUp();
  // What a firewall has to let through is the interface's.
  const { address, rules } = await gateway.api<{ address: string; rules: FirewallRule[] }>(
    ...(["GET", `/connections/${id}/firewall`] as const),
  );
  expect(address).toBe(CARRIER);
  const into = rules.filter(({ direction, purpose }) => direction === "in" && purpose === "SIP");
  expect(into.map(({ ports }) => ports)).toEqual([{ first: sipPort, last: sipPort }]);
  pbx.stop();
}, 60_000);

test("CON-20: registrations over TCP and UDP go by it too, and move when another one is chosen", async () => {
  for (const transport of ["tcp", "udp"] as const) {
    const { pbx, id } = await pbxBehind(
      `21${transport.length}${transport === "tcp" ? 1 : 2}`,
      { type: "outbound-registration", transport, interface: "carrier", ...account },
      { transport, account },
    );
    const at = async (contact: RegExp) => {
      for (let tries = 0; tries < 200 && !contact.test(pbx.registered.at(-1) ?? ""); tries++) {
        await Bun.sleep(50);
      }
      expect(pbx.registered.at(-1)).toMatch(contact);
    };
    await at(new RegExp(`@${CARRIER}:${sipPort}`));
    await gateway.api("PATCH", `/connections/${id}`, { interface: null });
    await at(new RegExp(`@127.0.0.1:${gateway.sipPort}`));
    pbx.stop();
    await gateway.api("DELETE", `/connections/${id}`);
  }
}, 60_000);

test("CON-21: audio goes by another interface than SIP", async () => {
  const { pbx, asked } = await pbxBehind("221", { mediaInterface: "audio" });
  await heardBothWays("221", pbx);
  const [invite] = asked;
  expect(invite?.flow.remote.address).toBe("127.0.0.1");
  expect(invite && sdpIn(invite.request)).toContain(`c=IN IP4 ${AUDIO}`);
  pbx.stop();
}, 60_000);

test("NAT-01: a PBX beyond a NAT is told the address outside, one that isn't our own", async () => {
  const told: Record<string, string[]> = {};
  for (const nat of ["yes", "no"] as const) {
    const number = nat === "yes" ? "231" : "232";
    const { pbx, asked } = await pbxBehind(number, { interface: "natted", nat });
    const call = await alice.call(number);
    const [invite] = asked;
    const sdp = invite ? sdpIn(invite.request) : "";
    told[nat] = [
      invite?.flow.remote.address ?? "",
      /@([\d.]+)/.exec(invite ? header(invite, "Contact") : "")?.[1] ?? "",
      /c=IN IP4 (\S+)/.exec(sdp)?.[1] ?? "",
    ];
    await call.dialog?.hangUp();
    pbx.stop();
  }
  expect(told).toEqual({
    yes: [CARRIER, OUTSIDE, OUTSIDE],
    no: [CARRIER, CARRIER, CARRIER],
  });
}, 60_000);

test("CON-20: an interface that can't be opened is told of, and others go on", async () => {
  const { network } = await gateway.status();
  const problems = network.interfaces.map(({ name, problem }) => [name, problem !== undefined]);
  expect(problems).toEqual([
    ["carrier", false],
    ["audio", false],
    ["natted", false],
    ["elsewhere", true],
  ]);
  const { pbx } = await pbxBehind("241", { interface: "elsewhere" });
  await expect(alice.call("241")).rejects.toThrow("503");
  const record = await gateway.newestRecord(1);
  expect(record?.reason).toContain("192.0.2.1");
  pbx.stop();
}, 60_000);

test("CON-20: what is named must be there, and what is named can't be taken away", async () => {
  const trunk = {
    name: "T",
    type: "outbound-trunk",
    host: "127.0.0.1",
    port: 9,
    patterns: [],
    allow: ["127.0.0.66"],
  };
  const refused = (more: Record<string, unknown>) =>
    gateway.api("POST", "/connections", { ...trunk, ...more }).catch((error: Error) => error);
  expect(String(await refused({ interface: "nowhere" }))).toContain(
    "there is no interface nowhere",
  );
  expect(String(await refused({ interface: "audio" }))).toContain("for audio alone");
  await gateway.api("POST", "/connections", { ...trunk, name: "By it", interface: "carrier" });
  const emptied = gateway.api("PUT", "/settings", { interfaces: [] });
  await expect(emptied).rejects.toThrow("there is no interface carrier in the settings");
}, 60_000);
