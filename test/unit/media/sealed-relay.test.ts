/**
 * AMB-07, MED-02: DTLS-SRTP passed on undecrypted. The two peers shake hands with each other, each
 * checks the other's own certificate, and what one sends the other receives octet by octet.
 */
import { describe, expect, test } from "bun:test";
import { classify } from "../../../gateway/media/ice/demultiplex.ts";
import type { Endpoint } from "../../../gateway/media/protocol.ts";
import { BrowserPeer } from "../../sim/browser-peer.ts";
import { ATTACKER, BROWSER, codecs, opus, PBX } from "../../sim/media-call.ts";
import { MediaWorld } from "../../sim/media-world.ts";
import { TrunkPeer } from "../../sim/trunk-peer.ts";

interface Sealed {
  /** The PBX begins the handshake. */
  pbxBegins?: boolean;
  /** The softphone's first check comes so long after the PBX's first datagram. */
  checksAfterMs?: number;
}

/** A softphone and a PBX that know each other's certificate and not the gateway's. */
function sealedCall({ pbxBegins = false, checksAfterMs = 0 }: Sealed = {}) {
  const world = new MediaWorld({ codecs, seed: 7 });
  /** What either sent to the gateway and received from it, in order. */
  const traffic = { fromPhone: [] as string[], toPbx: [] as string[] };
  const more = { fromPbx: [] as string[], toPhone: [] as string[] };
  const note = (list: string[], datagram: Uint8Array) => {
    if (datagram.length > 0 && classify(datagram) !== "stun")
      list.push(Buffer.from(datagram).toString("hex"));
  };
  const browser = new BrowserPeer({
    random: world.random,
    address: BROWSER,
    send: (datagram, source, destination) => {
      note(traffic.fromPhone, datagram);
      world.send(datagram, source, destination);
    },
    dtls: pbxBegins ? "server" : "client",
  });
  const pbx = new TrunkPeer({
    rtp: PBX,
    rtcp: PBX,
    send: (datagram, source, destination) => {
      note(more.fromPbx, datagram);
      world.send(datagram, source, destination);
    },
  });
  world.listen(BROWSER, (datagram, _, now) => {
    note(more.toPhone, datagram);
    browser.receive(datagram, now);
  });
  world.listen(PBX, (datagram, _, now) => {
    note(traffic.toPbx, datagram);
    pbx.receiveRtp(datagram, now);
  });
  world.drive(browser);
  world.drive(pbx);
  const webrtc = world.open("call", "phone", "webrtc");
  const trunk = world.open("call", "pbx", "trunk");
  const phone = browser.remote({ codec: opus });
  const [own] = phone.fingerprints;
  if (!own) throw new Error("a softphone has a certificate");
  const line = { ...pbx.remote({ codec: opus }), rtcp: PBX, relay: true } as const;
  pbx.destination = trunk.rtp;
  world.connect("call", "phone", { ...phone, relay: true });
  world.connect("call", "pbx", line);
  world.join("call", "phone", "pbx");
  browser.meet({ ...webrtc, fingerprint: pbx.certificate.fingerprint });
  pbx.secureByDtls(pbxBegins ? "client" : "server", own, true, world.now);
  world.run(checksAfterMs);
  browser.check();
  return { world, browser, pbx, trunk, webrtc, traffic: { ...traffic, ...more } };
}

type Call = ReturnType<typeof sealedCall>;

function talk({ world, browser, pbx }: Call, packets: number): void {
  world.every(20, packets, (index) => {
    const header = { payloadType: opus.payloadType, sequence: 100 + index, timestamp: index * 960 };
    browser.sendRtp(header, Uint8Array.of(1, index));
    pbx.sendRtp(header, Uint8Array.of(2, index));
  });
  world.run(packets * 20 + 100);
}

const payloads = (peer: { received: readonly { payload: Uint8Array }[] }) =>
  peer.received.map(({ payload }) => payload[0]);

describe("DTLS-SRTP passed on undecrypted", () => {
  test.each([
    false,
    true,
  ])("the peers have their keys with each other, every octet passes unchanged (PBX begins: %p)", (pbxBegins) => {
    const made = sealedCall({ pbxBegins });
    made.world.run(1_000);
    expect(made.browser.connected).toBe(true);
    talk(made, 50);
    expect(payloads(made.browser)).toEqual(Array(50).fill(2));
    expect(payloads(made.pbx)).toEqual(Array(50).fill(1));
    const { traffic } = made;
    // Handshake, SRTP, in their order: nothing is added, nothing is left out.
    expect(traffic.toPbx).toEqual(traffic.fromPhone);
    expect(traffic.toPhone).toEqual(traffic.fromPbx);
    expect(traffic.toPhone.length).toBeGreaterThan(50);
  });

  test("SEC-08: the gateway sends nothing of its own, has no part in the handshake and no keys", () => {
    const made = sealedCall();
    made.world.command({
      type: "play",
      session: "call" as never,
      leg: "phone" as never,
      sound: "busy",
      untilAudio: false,
    });
    made.world.command({
      type: "dtmf",
      session: "call" as never,
      leg: "pbx" as never,
      digit: "5",
      durationMs: 100,
    });
    talk(made, 500);
    const { traffic, world } = made;
    expect(traffic.toPbx).toEqual(traffic.fromPhone);
    expect(traffic.toPhone).toEqual(traffic.fromPbx);
    world.command({ type: "closeLeg", session: "call" as never, leg: "phone" as never });
    world.command({ type: "close", session: "call" as never });
    world.run(500);
    // No RTCP BYE, no close_notify: it could not write them.
    expect(traffic.toPbx).toEqual(traffic.fromPhone);
    expect(traffic.toPhone).toEqual(traffic.fromPbx);
    expect(world.plane.idle).toBe(true);
  });

  test("a handshake the PBX began before the softphone could be reached is not lost", () => {
    const made = sealedCall({ pbxBegins: true, checksAfterMs: 150 });
    made.world.run(40);
    // Not after the PBX's repetition: that comes 200 ms after its first flight.
    expect(made.traffic.toPhone.length).toBeGreaterThan(0);
    made.world.run(1_000);
    expect(made.browser.connected).toBe(true);
  });

  test("M1, M2: a stranger's DTLS, SRTP and SRTCP pass on neither side", () => {
    const made = sealedCall();
    made.world.run(1_000);
    const before = { pbx: made.traffic.toPbx.length, phone: made.traffic.toPhone.length };
    const gateway = { address: made.trunk.rtp.address, port: 8_081 };
    const junk = [
      Uint8Array.of(0x80, 111, 0, 1, ...Array(60).fill(7)),
      Uint8Array.of(0x80, 200, 0, 6, ...Array(60).fill(7)),
      Uint8Array.of(22, 254, 253, ...Array(60).fill(0)),
    ];
    for (const datagram of junk) {
      for (const at of [gateway, made.trunk.rtp, made.trunk.rtcp] satisfies Endpoint[]) {
        made.world.send(datagram, ATTACKER, at);
      }
    }
    made.world.run(200);
    expect(made.traffic.toPbx.length).toBe(before.pbx);
    expect(made.traffic.toPhone.length).toBe(before.phone);
    expect(made.world.dropped("call", "pbx")).toMatchObject({ source: 6 });
  });

  test("M1: what has no RTP header passes on neither side, from the peers themselves", () => {
    const made = sealedCall();
    made.world.run(1_000);
    talk(made, 5);
    const before = { pbx: made.traffic.toPbx.length, phone: made.traffic.toPhone.length };
    // Fifteen contributing sources are told of, and there is no room for one.
    const headless = Uint8Array.of(0x8f, 111, 0, 1, ...Array(10).fill(7));
    made.world.send(headless, BROWSER, { address: made.trunk.rtp.address, port: 8_081 });
    made.world.send(headless, PBX, made.trunk.rtp);
    made.world.run(100);
    expect(made.traffic.toPbx.length).toBe(before.pbx);
    expect(made.traffic.toPhone.length).toBe(before.phone);
    for (const leg of ["phone", "pbx"]) {
      expect(made.world.dropped("call", leg)).toEqual({ malformed: 1 });
    }
  });

  test("M5: without consent nothing goes to the softphone any more", () => {
    const made = sealedCall();
    made.world.run(500);
    talk(made, 100);
    made.world.run(31_000);
    expect(made.world.notices).toContainEqual(
      expect.objectContaining({ type: "failed", leg: "phone", reason: "ice-consent" }),
    );
    const { length } = made.traffic.toPhone;
    made.pbx.sendRtp({ payloadType: 111, sequence: 300, timestamp: 0 }, Uint8Array.of(2));
    made.world.run(100);
    expect(made.traffic.toPhone.length).toBe(length);
  });

  test("X4: loss and jitter of what comes are told all the same, by headers alone", () => {
    const made = sealedCall();
    made.world.run(500);
    let count = 0;
    made.world.lose = (source) => source.port === BROWSER.port && ++count % 10 === 0;
    talk(made, 300);
    const told = made.world.notices.findLast(({ type }) => type === "quality");
    const phone =
      told?.type === "quality" ? told.legs.find(({ leg }) => leg === "phone") : undefined;
    expect(phone?.received?.loss).toBeGreaterThan(0.05);
    expect(phone?.received?.loss).toBeLessThan(0.15);
  });
});
