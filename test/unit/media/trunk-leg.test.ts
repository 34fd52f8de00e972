/** SRTP towards a PBX: every suite both ways, keys that change and keys that stay, wrong ones. */

import { describe, expect, test } from "bun:test";
import type { SrtpSuite } from "../../../gateway/media/protocol.ts";
import {
  AMPLITUDE,
  ATTACKER,
  call,
  decodeAll,
  encodeTone,
  type Made,
  opus,
  PBX,
  playBrowser,
  playPbx,
  trunkCodecs,
} from "../../sim/media-call.ts";
import { type SdesKeying, TrunkPeer } from "../../sim/trunk-peer.ts";
import { decibels, levelOf } from "./tone.ts";

const { G722 } = trunkCodecs;
const SUITES: [SrtpSuite, number][] = [
  ["AEAD_AES_128_GCM", 28],
  ["AEAD_AES_256_GCM", 44],
  ["AES_CM_128_HMAC_SHA1_80", 30],
  ["AES_CM_128_HMAC_SHA1_32", 30],
];

const keyed = (suite: SrtpSuite, bytes: number, local: number, remote: number): SdesKeying => ({
  keying: "sdes",
  suite,
  local: new Uint8Array(bytes).fill(local),
  remote: new Uint8Array(bytes).fill(remote),
});
const GCM = keyed("AEAD_AES_128_GCM", 28, 1, 2);

/** A second of tones both ways; how loud each arrived, against what was sent. */
function talk(made: Made): { toPbx: number; toBrowser: number } {
  made.pbx.received.length = 0;
  made.browser.received.length = 0;
  playPbx(made, G722, encodeTone(G722, 1_000, 1_000, AMPLITUDE));
  playBrowser(made, opus, encodeTone(opus, 440, 1_000, AMPLITUDE));
  made.world.run(1_200);
  const level = (codec: typeof opus, packets: { payload: Uint8Array }[], hertz: number) => {
    const pcm = decodeAll(
      codec,
      packets.map(({ payload }) => payload),
    );
    return decibels(levelOf(pcm, hertz, 16_000), AMPLITUDE);
  };
  return {
    toPbx: level(G722, made.pbx.received, 440),
    toBrowser: level(opus, made.browser.received, 1_000),
  };
}

function expectBoth(made: Made): void {
  const { toPbx, toBrowser } = talk(made);
  expect(Math.abs(toPbx)).toBeLessThan(1);
  expect(Math.abs(toBrowser)).toBeLessThan(1);
}

describe("SRTP with keys of the SDP", () => {
  test.each(SUITES)("%s: audio both ways, and RTCP from both", (suite, bytes) => {
    const made = call({ srtp: keyed(suite, bytes, 7, 9) });
    expectBoth(made);
    made.world.run(12_000);
    expect(made.pbx.unreadable).toBe(0);
    expect(made.pbx.control.length).toBeGreaterThan(0);
    expect(made.world.dropped("call", "pbx")).toEqual({});
  });

  test("packets under another key are counted and not heard", () => {
    const made = call({ srtp: GCM });
    made.pbx.secure(keyed("AEAD_AES_128_GCM", 28, 1, 3));
    talk(made);
    expect(made.browser.received).toEqual([]);
    expect(made.world.dropped("call", "pbx")).toEqual({ authentication: 50 });
    // It is told with the call, also where not a single packet could be used.
    made.world.close("call");
    const told = made.world.notices.flatMap((it) => (it.type === "quality" ? it.legs : []));
    expect(told.find(({ leg }) => leg === "pbx")?.dropped).toEqual({ authentication: 50 });
  });

  test("packets in the clear are counted and not heard", () => {
    const made = call({ srtp: GCM });
    made.pbx.inTheClear();
    talk(made);
    expect(made.browser.received).toEqual([]);
    expect(made.world.dropped("call", "pbx")).toEqual({ authentication: 50 });
  });

  test("a re-INVITE with the same keys keeps the rollover counter and the replay window", () => {
    const made = call({ srtp: GCM });
    const packets: Uint8Array[] = [];
    const keep = made.world.send.bind(made.world);
    made.world.send = (datagram, source, destination) => {
      if (source === PBX) packets.push(datagram.slice());
      keep(datagram, source, destination);
    };
    expectBoth(made);
    made.world.connect("call", "pbx", made.pbx.remote(made.trunkAudio));
    const replayed = packets.length;
    for (const packet of packets) keep(packet, PBX, made.trunk.rtp);
    made.world.run(100);
    expect(made.world.dropped("call", "pbx")).toEqual({ replay: replayed });
  });

  test("a new key of the PBX's: what is on its way under the old one is still heard", () => {
    const made = call({ srtp: GCM });
    expectBoth(made);
    const next = keyed("AEAD_AES_128_GCM", 28, 1, 5);
    const before = made.pbx.remote(made.trunkAudio);
    if (before.kind !== "trunk") throw new Error("a PBX is a trunk");
    made.world.connect("call", "pbx", { ...before, srtp: next });
    const tone = encodeTone(G722, 1_000, 1_000, AMPLITUDE);
    made.browser.received.length = 0;
    made.world.every(20, 50, (index) => {
      if (index === 10) made.pbx.secure(next);
      const header = { payloadType: 9, sequence: 950 + index, timestamp: 78_000 + 160 * index };
      made.pbx.sendRtp(header, tone[index] ?? new Uint8Array(160));
    });
    made.world.run(1_200);
    expect(made.world.dropped("call", "pbx")).toEqual({});
    expect(made.browser.received.length).toBeGreaterThanOrEqual(49);
  });

  test("another suite mid-call", () => {
    const made = call({ srtp: GCM });
    made.pbx.secure(keyed("AES_CM_128_HMAC_SHA1_80", 30, 4, 6));
    made.world.connect("call", "pbx", made.pbx.remote(made.trunkAudio));
    expectBoth(made);
  });
});

describe("SRTP with keys by DTLS", () => {
  /** The PBX takes part in a handshake; what the gateway knows of it may be another certificate. */
  function handshake(role: "client" | "server", isMuxed: boolean, known?: string): Made {
    const made = call();
    made.pbx.secureByDtls(role, made.trunk.fingerprint, isMuxed, made.world.now);
    const remote = made.pbx.remote(made.trunkAudio);
    if (remote.kind !== "trunk" || remote.srtp?.keying !== "dtls") throw new Error("no DTLS");
    const fingerprints = [{ algorithm: "sha-256", value: known ?? "" } as const];
    const srtp = known === undefined ? remote.srtp : { ...remote.srtp, fingerprints };
    made.world.connect("call", "pbx", { ...remote, srtp });
    made.world.run(500);
    return made;
  }

  test.each([
    ["client", true],
    ["server", true],
    ["client", false],
    ["server", false],
  ] as const)("the PBX as %s, RTCP on the same port %p: audio and reports", (role, isMuxed) => {
    const made = handshake(role, isMuxed);
    expectBoth(made);
    made.world.run(12_000);
    expect(made.pbx.unreadable).toBe(0);
    expect(made.pbx.control.length).toBeGreaterThan(0);
    expect(made.world.dropped("call", "pbx")).toEqual({});
    // A re-INVITE that says the same leaves the association alone.
    const before = made.pbx.control.length;
    made.world.connect("call", "pbx", made.pbx.remote(made.trunkAudio));
    made.world.run(12_000);
    expect(made.pbx.control.length).toBeGreaterThan(before);
    expect(made.world.notices.filter(({ type }) => type === "failed")).toEqual([]);
  });

  test.each([
    "client",
    "server",
  ] as const)("another certificate than the SDP's, the PBX as %s: no audio passes, and the call is told why", (role) => {
    const made = handshake(role, true, "AB:".repeat(31).concat("AB"));
    talk(made);
    expect(made.pbx.received).toEqual([]);
    expect(made.browser.received).toEqual([]);
    const failed = made.world.notices.find(({ type }) => type === "failed");
    expect(failed).toMatchObject({ leg: "pbx", reason: "fingerprint" });
    expect(failed).toHaveProperty("detail", expect.stringContaining("certificate"));
  });

  test("a PBX that begins before its answer is here needs not begin again", () => {
    const made = call({ unconnected: true });
    made.world.close("call");
    made.world.run(50);
    const trunk = made.world.open("next", "pbx", "trunk");
    made.pbx.destination = trunk.rtp;
    made.pbx.secureByDtls("client", trunk.fingerprint, true, made.world.now);
    made.world.run(50);
    made.world.connect("next", "pbx", made.pbx.remote(made.trunkAudio));
    made.world.run(50);
    expect(made.world.dropped("next", "pbx")).toEqual({});
    made.world.run(12_000);
    expect(made.pbx.control.length).toBeGreaterThan(0);
  });

  test("M4: a ClientHello from elsewhere does not disturb the handshake, nor is it answered", () => {
    const made = call();
    let answered = 0;
    made.world.listen(ATTACKER, () => {
      answered += 1;
    });
    const attacker = new TrunkPeer({
      rtp: ATTACKER,
      rtcp: ATTACKER,
      send: (datagram, source, destination) => made.world.send(datagram, source, destination),
    });
    attacker.destination = made.trunk.rtp;
    made.pbx.secureByDtls("client", made.trunk.fingerprint, true, made.world.now);
    made.world.connect("call", "pbx", made.pbx.remote(made.trunkAudio));
    attacker.secureByDtls("client", made.trunk.fingerprint, true, made.world.now);
    made.world.run(500);
    expectBoth(made);
    expect(answered).toBe(0);
    expect(made.world.dropped("call", "pbx")["source"]).toBeGreaterThan(0);
  });
});
