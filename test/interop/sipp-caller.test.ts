/**
 * sipp (Debian) as a PBX that calls: it cancels, presses keys, transfers with and without asking,
 * joins two of our users by third-party call control, and speaks IPv6. And what both sides do at
 * once.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import type { SipDialog } from "../../gateway/phone/sip-dialog.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { browserSdp, silentSoftphone } from "../rigs/signalling.ts";
import { SippProcess, type SippProcessOptions } from "../rigs/sipp-process.ts";

const hasSipp = Bun.which("sipp") !== null;
const withSipp = test.skipIf(!hasSipp);

let directory = "";
let gateway: GatewayRig;
let alice: VirtualSoftphone;
let bob: VirtualSoftphone;
const users = { alice: 0, bob: 0 };
let sites = 0;
let ports = 26_500;

beforeAll(async () => {
  if (!hasSipp) return;
  directory = mkdtempSync(join(tmpdir(), "sipp-caller-"));
  gateway = await GatewayRig.start({ rtpPorts: "33800-34199" });
  const first = await silentSoftphone(gateway, "alice");
  const second = await silentSoftphone(gateway, "bob");
  alice = first.phone;
  bob = second.phone;
  users.alice = first.id;
  users.bob = second.id;
});

afterAll(async () => {
  if (!hasSipp) return;
  alice.close();
  bob.close();
  await gateway.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** A PBX at an address of its own; calls to `number` go to what `answers`. */
class Site {
  readonly address: string;
  readonly number: string;
  readonly #servicePort: number;

  private constructor(address: string, number: string, servicePort: number) {
    this.address = address;
    this.number = number;
    this.#servicePort = servicePort;
  }

  static async open(inbound: "alice" | "bob" = "alice", more: object = {}): Promise<Site> {
    sites += 1;
    ports += 1;
    const site = new Site(`127.12.0.${sites}`, String(800 + sites), ports);
    await gateway.api("POST", "/connections", {
      name: `PBX ${site.number}`,
      type: "outbound-trunk",
      host: site.address,
      port: site.#servicePort,
      patterns: [{ pattern: `^${site.number}$` }],
      allow: [site.address],
      codecs: ["PCMA"],
      inboundUser: users[inbound],
      ...more,
    });
    return site;
  }

  calls(scenario: string, more: Partial<SippProcessOptions> = {}): Promise<SippProcess> {
    ports += 1;
    const target = `127.0.0.1:${gateway.sipPort}`;
    return SippProcess.start({
      ...{ directory, scenario, address: this.address, port: ports, target },
      ...more,
    });
  }

  answers(scenario: string): Promise<SippProcess> {
    const port = this.#servicePort;
    return SippProcess.start({ directory, scenario, address: this.address, port });
  }
}

/** The next call that phone answers, SIP alone. */
function nextCall(phone: VirtualSoftphone): Promise<SipDialog> {
  return new Promise((resolve) => {
    phone.answerAll(browserSdp("active"), (dialog) => {
      phone.onCall = undefined;
      resolve(dialog);
    });
  });
}

/** That phone rings until its calls are cancelled. */
function ringAt(phone: VirtualSoftphone) {
  const { promise: cancelled, resolve } = Promise.withResolvers<void>();
  const rang = { times: 0, cancelled };
  phone.onCall = (served) => {
    rang.times += 1;
    served.respond(180, { toTag: "ringing" });
    void served.cancelled.then(() => {
      served.respond(487, { toTag: "ringing" });
      resolve();
    });
  };
  return rang;
}

const free = () => gateway.untilFree();

withSipp("keys by INFO: 200; an INFO that is none: 415", async () => {
  const site = await Site.open();
  void nextCall(alice);
  await (await site.calls("uac-info")).passed();
  await free();
});

withSipp("cancelled by the PBX while it rings", async () => {
  const site = await Site.open();
  const rang = ringAt(alice);
  await (await site.calls("uac-cancelled")).passed();
  await rang.cancelled;
  await free();
});

withSipp("S12 the same request by two ways: one call, and 482 to the second", async () => {
  const site = await Site.open();
  const rang = ringAt(alice);
  await (await site.calls("uac-merged")).passed();
  await rang.cancelled;
  expect(rang.times).toBe(1);
  await free();
});

withSipp("S12 both hang up at once", async () => {
  const site = await Site.open();
  const answered = nextCall(alice);
  const sipp = await site.calls("uac-bye-crossed");
  await (await answered).hangUp();
  await sipp.passed();
  await free();
});

withSipp("a transfer by the PBX to another user: reported, then it is dismissed", async () => {
  const site = await Site.open("alice", { allowTransfer: true });
  const first = nextCall(alice);
  const second = nextCall(bob);
  await (await site.calls("uac-refer", { keys: { target: "bob" } })).passed();
  const [atAlice, atBob] = await Promise.all([first, second]);
  await atBob.hangUp();
  expect(await atAlice.ended).toBeDefined();
  await free();
});

withSipp("a transfer to a number of the PBX, whose INVITE asks for the password", async () => {
  const account = { username: "gateway", password: "sipp-password" };
  const site = await Site.open("alice", { allowTransfer: true, ...account });
  const answered = nextCall(alice);
  const callee = await site.answers("uas-challenge");
  await (await site.calls("uac-refer-and-leave", { keys: { target: site.number } })).passed();
  await (await answered).hangUp();
  await callee.passed();
  await free();
});

withSipp("a transfer to nobody: 404 is reported, the call goes on", async () => {
  const site = await Site.open("alice", { allowTransfer: true });
  const answered = nextCall(alice);
  // The number leads back to the PBX, which has nobody there.
  const callee = await site.answers("uas-not-found");
  await (await site.calls("uac-refer-refused", { keys: { target: site.number } })).passed();
  expect(await (await answered).ended).toBeDefined();
  await callee.passed();
  await free();
});

withSipp("a transfer after asking: the PBX's two calls become one of our users", async () => {
  const site = await Site.open("alice", { allowTransfer: true });
  const consulted = await site.answers("uas-answer");
  const atBob = await bob.callWithoutMedia(site.number, browserSdp("actpass"));
  const [, callId, ourTag, itsTag] =
    /Call-ID: (\S+)[\s\S]*From:.*;tag=(\S+)[\s\S]*To:.*;tag=(\S+)/.exec(
      headersOf(consulted.messages(), "ACK"),
    ) ?? [];
  const replaces = encodeURIComponent(`${callId};to-tag=${ourTag};from-tag=${itsTag}`);
  const answered = nextCall(alice);
  const keys = { target: "bob", replaces };
  await (await site.calls("uac-refer-replaces", { keys })).passed();
  await consulted.passed();
  await atBob.hangUp();
  expect(await (await answered).ended).toBeDefined();
  await free();
});

/** Call-ID, From and To, in this order, of the first request of that method. */
function headersOf(messages: string, method: string): string {
  const from = messages.indexOf(`\n${method} `);
  const lines = messages.slice(from).split(/\r?\n/).slice(0, 20);
  const names = ["Call-ID", "From", "To"];
  return names.map((name) => lines.find((it) => it.startsWith(`${name}:`)) ?? "").join("\n");
}

withSipp(
  "a hold that meets an offer of the PBX: 491 both ways, then it is said again",
  async () => {
    const site = await Site.open();
    const callee = await site.answers("uas-glare");
    const dialog = await alice.callWithoutMedia(site.number, browserSdp("actpass"));
    expect((await dialog.offer(browserSdp("actpass", "sendonly"))).status).toBe(200);
    const glareIsOver = () => callee.messages().includes("a=recvonly");
    for (let tries = 0; !glareIsOver() && tries < 400; tries++) await Bun.sleep(20);
    await dialog.hangUp();
    await callee.passed();
    await free();
  },
);

withSipp(
  "third-party call control: a controller joins alice and bob (RFC 3725, flow I)",
  async () => {
    const [first, second] = [await Site.open("alice"), await Site.open("bob")];
    const atAlice = nextCall(alice);
    const atBob = nextCall(bob);
    ports += 1;
    const more = ["-3pcc", `127.0.0.1:${ports}`];
    // The second listens for the first.
    const controlled = await second.calls("3pcc-second", { service: "bob", more });
    const controlling = await first.calls("3pcc-first", { more });
    await Promise.all([controlled.passed(), controlling.passed()]);
    expect(await (await atAlice).ended).toBeDefined();
    expect(await (await atBob).ended).toBeDefined();
    await free();
  },
);

withSipp(
  "nothing is left behind",
  async () => {
    const { alive } = await gateway.untilIdle();
    expect(alive).toMatchObject({ calls: 0, dialogs: 0, legs: 0, callTransactions: 0 });
    expect(alice.alive + bob.alive).toBe(0);
  },
  60_000,
);
