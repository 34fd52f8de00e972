import { describe, expect, test } from "bun:test";
import { BrowserPeer } from "../../sim/browser-peer.ts";
import {
  AMPLITUDE,
  ATTACKER,
  BROWSER,
  call,
  decodeAll,
  encodeTone,
  opus,
  PBX,
  PBX_CONTROL,
  playBrowser,
  playPbx,
  trunkCodecs,
} from "../../sim/media-call.ts";
import { decibels, levelOf } from "./tone.ts";

describe("attacks", () => {
  test("M1, M2: a spray on the trunk port gets nothing and isn't heard", () => {
    const made = call();
    const noise = encodeTone(trunkCodecs.G722, 2_500, 3_000, 20_000);
    let heardByAttacker = 0;
    made.world.listen(ATTACKER, () => {
      heardByAttacker += 1;
    });
    noise.forEach((payload, index) => {
      made.world.at(made.world.now + 5 + 20 * index, () => {
        made.pbx.sendRtp(
          { payloadType: 9, sequence: 900 + index, timestamp: 70_000 + 160 * index },
          payload,
          ATTACKER,
        );
      });
    });
    playPbx(made, trunkCodecs.G722, encodeTone(trunkCodecs.G722, 1_000, 3_000, AMPLITUDE));
    playBrowser(made, opus, encodeTone(opus, 440, 3_000, AMPLITUDE));
    made.world.run(3_200);
    expect(heardByAttacker).toBe(0);
    const pcm = decodeAll(
      opus,
      made.browser.received.map(({ payload }) => payload),
    );
    expect(levelOf(pcm, 2_500, 16_000)).toBeLessThan(AMPLITUDE / 100);
    expect(Math.abs(decibels(levelOf(pcm, 1_000, 16_000), AMPLITUDE))).toBeLessThan(1);
    expect(made.world.dropped("call", "pbx")["source"]).toBe(150);
  });

  test("M4, S11: no octet of DTLS before an authenticated check, whoever asks", () => {
    const made = call({ unconnected: true });
    made.browser.startDtlsUnasked(made.world.now);
    made.world.run(5_000);
    expect(made.browser.dtlsReceived).toBe(0);
    made.browser.check("a wrong password, long enough");
    made.world.run(5_000);
    expect(made.browser.dtlsReceived).toBe(0);
    expect(made.world.notices.filter(({ type }) => type === "failed")).toEqual([]);
  });

  test("M4: a ClientHello from elsewhere doesn't disturb the handshake", () => {
    const made = call({ unconnected: true });
    const attacker = new BrowserPeer({
      random: made.world.random,
      address: ATTACKER,
      send: (datagram, source, destination) => made.world.send(datagram, source, destination),
    });
    attacker.meet(made.webrtc);
    made.world.drive(attacker);
    attacker.startDtlsUnasked(made.world.now);
    made.browser.check();
    made.world.run(500);
    expect(made.browser.connected).toBe(true);
    expect(attacker.dtlsReceived).toBe(0);
  });

  test("M7: a replayed hour of SRTP isn't decoded again", () => {
    const made = call();
    playBrowser(made, opus, encodeTone(opus, 440, 1_000, AMPLITUDE));
    made.world.run(1_200);
    expect(made.pbx.received.length).toBe(50);
    for (const datagram of made.browser.sent) made.browser.send(datagram.slice());
    made.world.run(1_000);
    expect(made.pbx.received.length).toBe(50);
    expect(made.world.dropped("call", "phone")["replay"]).toBe(50);
  });

  test("M5: SRTP from an address without a check of its own is dropped unread", () => {
    const made = call();
    playBrowser(made, opus, encodeTone(opus, 440, 200, AMPLITUDE));
    made.world.run(300);
    const before = made.pbx.received.length;
    const [datagram] = made.browser.sent;
    const [candidate] = made.webrtc.candidates;
    if (!datagram || !candidate) throw new Error("nothing sent");
    const unclaimed = made.world.plane.unclaimed;
    made.world.send(datagram, ATTACKER, candidate);
    made.world.run(100);
    expect(made.pbx.received.length).toBe(before);
    expect(made.world.plane.unclaimed).toBe(unclaimed + 1);
  });

  test("M6: junk on both ports is dropped, and the call goes on", () => {
    const made = call();
    const [candidate] = made.webrtc.candidates;
    if (!candidate) throw new Error("no candidate");
    made.world.every(2, 1_000, (index) => {
      const junk = made.world.random.bytes(1 + (index % 200));
      made.world.send(junk, BROWSER, candidate);
      made.world.send(junk, PBX, made.trunk.rtp);
      made.world.send(junk, PBX_CONTROL, made.trunk.rtcp);
    });
    playBrowser(made, opus, encodeTone(opus, 440, 2_000, AMPLITUDE));
    playPbx(made, trunkCodecs.G722, encodeTone(trunkCodecs.G722, 1_000, 2_000, AMPLITUDE));
    made.world.run(2_200);
    expect(made.world.notices.filter(({ type }) => type === "failed")).toEqual([]);
    const atPbx = decodeAll(
      trunkCodecs.G722,
      made.pbx.received.map(({ payload }) => payload),
    );
    expect(Math.abs(decibels(levelOf(atPbx, 440, 16_000), AMPLITUDE))).toBeLessThan(1);
  });

  test("M10: more than twice the nominal packet rate is dropped", () => {
    const made = call();
    const [payload] = encodeTone(trunkCodecs.G722, 440, 20, AMPLITUDE);
    made.world.every(1, 3_000, (index) => {
      made.pbx.sendRtp(
        { payloadType: 9, sequence: index, timestamp: 160 * index },
        payload ?? new Uint8Array(160),
      );
    });
    made.world.run(3_100);
    const dropped = made.world.dropped("call", "pbx")["rate"] ?? 0;
    expect(dropped).toBeGreaterThan(2_000);
    // What is left of them still lasts longer than the time it came in.
    expect(dropped).toBeLessThan(2_850);
  });

  test("payload types that weren't negotiated are dropped", () => {
    const made = call();
    made.pbx.sendRtp({ payloadType: 8, sequence: 1, timestamp: 0 }, new Uint8Array(160));
    made.world.run(100);
    expect(made.browser.received).toEqual([]);
    expect(made.world.dropped("call", "pbx")).toEqual({ "payload-type": 1 });
  });
});
