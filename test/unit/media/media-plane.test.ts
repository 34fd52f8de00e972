import { describe, expect, test } from "bun:test";
import { PORT_QUARANTINE_MS } from "../../../gateway/limits.ts";
import type { Endpoint } from "../../../gateway/media/protocol.ts";
import { writeReceiverReport } from "../../../gateway/media/rtp/rtcp-writer.ts";
import type { Codecs } from "../../../media-wasm/codec.ts";
import {
  AMPLITUDE,
  BROWSER,
  call,
  codecs,
  encodeTone,
  opus,
  PBX_CONTROL,
  playBrowser,
  playPbx,
  trunkCodecs,
} from "../../sim/media-call.ts";
import { MediaWorld } from "../../sim/media-world.ts";

describe("life of a call", () => {
  test("a fingerprint that isn't the certificate's: failed, and no audio passes", () => {
    const made = call({ unconnected: true });
    const value = Array(32).fill("AB").join(":");
    const fingerprints = [{ algorithm: "sha-256" as const, value }];
    made.world.connect(
      "call",
      "phone",
      made.browser.remote({ ...made.browserAudio, fingerprints }),
    );
    made.browser.check();
    made.world.run(3_000);
    const failed = made.world.notices.filter(({ type }) => type === "failed");
    expect(failed).toMatchObject([{ leg: "phone", reason: "fingerprint" }]);
    playPbx(made, trunkCodecs.G722, encodeTone(trunkCodecs.G722, 440, 200, AMPLITUDE));
    made.world.run(300);
    expect(made.browser.received).toEqual([]);
  });

  test("our side as DTLS client works too", () => {
    const made = call({ dtls: "server" });
    playPbx(made, trunkCodecs.G722, encodeTone(trunkCodecs.G722, 440, 200, AMPLITUDE));
    made.world.run(300);
    expect(made.browser.received.length).toBe(10);
  });

  test("flowing at the first packet, silent when they stop, doubling", () => {
    const made = call({ silenceMs: 2_000 });
    playPbx(made, trunkCodecs.G722, encodeTone(trunkCodecs.G722, 440, 1_000, AMPLITUDE));
    made.world.every(1_000, 20, () => made.browser.check());
    made.world.run(15_000);
    const pbx = made.world.notices.filter((notice) => "leg" in notice && notice.leg === "pbx");
    expect(pbx.map(({ type }) => type)).toEqual(["flowing", "silent", "silent", "silent"]);
    expect(pbx.map((notice) => ("forMs" in notice ? notice.forMs : 0))).toEqual([
      0, 2_000, 4_000, 8_000,
    ]);
  });

  test("on hold silence is no news, and what comes is dropped", () => {
    const made = call({ silenceMs: 1_000 });
    made.world.connect(
      "call",
      "pbx",
      made.pbx.remote({ ...made.trunkAudio, direction: "sendonly" }),
    );
    playPbx(made, trunkCodecs.G722, encodeTone(trunkCodecs.G722, 440, 200, AMPLITUDE));
    made.world.run(5_000);
    expect(made.world.notices.some((notice) => "leg" in notice && notice.leg === "pbx")).toBe(
      false,
    );
    expect(made.browser.received).toEqual([]);
    expect(made.world.dropped("call", "pbx")).toEqual({ direction: 10 });
  });

  test("M5, RFC 7675: when checks stop the leg fails, and nothing more is sent", () => {
    const made = call();
    playPbx(made, trunkCodecs.G722, encodeTone(trunkCodecs.G722, 440, 40_000, AMPLITUDE));
    made.world.run(41_000);
    const failed = made.world.notices.filter(({ type }) => type === "failed");
    expect(failed).toMatchObject([{ leg: "phone", reason: "ice-consent" }]);
    const last = made.browser.received.at(-1)?.at ?? 0;
    expect(last - 1_000).toBeLessThan(31_000);
    expect(last - 1_000).toBeGreaterThan(29_000);
  });

  test("RTCP: the round trip is what the network takes, both ways", () => {
    const made = call({ delayMs: 30 });
    made.world.listen(PBX_CONTROL, (datagram, _, now) => {
      made.pbx.receiveRtcp(datagram, now);
      const report = made.pbx.control.findLast(({ type }) => type === "sender-report");
      if (report?.type !== "sender-report") return;
      const { ntpSeconds, ntpFraction } = report.sender;
      const buffer = new Uint8Array(64);
      const length = writeReceiverReport(buffer, 0, made.pbx.ssrc, [
        {
          ssrc: report.ssrc,
          fractionLost: 0,
          cumulativeLost: 0,
          highestSequence: 0,
          jitter: 0,
          lastSenderReport: ((ntpSeconds << 16) | (ntpFraction >>> 16)) >>> 0,
          delaySinceLastSenderReport: 0,
        },
      ]);
      made.pbx.sendRtcp(buffer.slice(0, length));
    });
    playBrowser(made, opus, encodeTone(opus, 440, 8_000, AMPLITUDE));
    made.world.run(8_200);
    const reply = made.world.command({ type: "query", seq: 1, session: "call" as never });
    if (reply?.type !== "statistics") throw new Error("no statistics");
    const roundTripMs = reply.legs.find(({ leg }) => leg === "pbx")?.roundTripMs ?? 0;
    expect(Math.abs(roundTripMs - 60)).toBeLessThan(1);
  });

  test("RTCP: reports every five seconds or so, CNAME, BYE at the end", () => {
    const made = call({ delayMs: 30 });
    playPbx(made, trunkCodecs.G722, encodeTone(trunkCodecs.G722, 440, 20_000, AMPLITUDE));
    playBrowser(made, opus, encodeTone(opus, 440, 20_000, AMPLITUDE));
    made.world.run(20_100);
    const reports = made.pbx.control.filter(({ type }) => type === "sender-report");
    expect(reports.length).toBeGreaterThanOrEqual(2);
    expect(reports.length).toBeLessThanOrEqual(9);
    const [description] = made.pbx.control.filter(({ type }) => type === "source-description");
    expect(description).toMatchObject({
      chunks: [{ ssrc: made.trunk.ssrc, cname: made.trunk.cname }],
    });
    expect(made.browser.control.some(({ type }) => type === "sender-report")).toBe(true);
    made.world.close("call");
    made.world.run(100);
    expect(made.pbx.control.at(-1)).toMatchObject({ type: "bye", ssrcs: [made.trunk.ssrc] });
    expect(made.browser.control.at(-1)).toMatchObject({ type: "bye", ssrcs: [made.webrtc.ssrc] });
  });

  test("R8: a NAT that gives the softphone another port is followed with its first check, within a second", () => {
    const made = call();
    const rebound: Endpoint = { ...BROWSER, port: BROWSER.port + 7 };
    made.world.listen(rebound, (datagram, _, now) => made.browser.receive(datagram, now));
    playPbx(made, trunkCodecs.G722, encodeTone(trunkCodecs.G722, 440, 3_000, AMPLITUDE));
    playBrowser(made, opus, encodeTone(opus, 440, 3_000, AMPLITUDE));
    made.world.run(1_000);
    // The NAT drops what comes to the old port; libwebrtc checks at least every 480 ms when it gets no answer.
    made.world.lose = (_, destination) => destination.port === BROWSER.port;
    made.browser.address = rebound;
    const before = made.browser.received.length;
    const pbxBefore = made.pbx.received.length;
    made.world.run(480);
    // Nobody proved yet that the new port is the softphone's.
    expect(made.browser.received.length).toBe(before);
    made.browser.check();
    made.world.run(500);
    expect(made.browser.received.length - before).toBeGreaterThan(22);
    expect(made.pbx.received.length - pbxBefore).toBeGreaterThan(22);
    expect(new Set(made.browser.received.map(({ header }) => header.ssrc)).size).toBe(1);
    expect(made.world.notices.filter(({ type }) => type === "failed")).toEqual([]);
  });

  test("RFC 8445 §9: an ICE restart moves the leg, DTLS and audio go on", () => {
    const made = call();
    const moved: Endpoint = { address: "198.51.100.99", port: 40_000 };
    const reply = made.world.command({
      type: "restart",
      seq: 1,
      session: "call" as never,
      leg: "phone" as never,
    });
    if (reply?.type !== "opened" || reply.local.kind !== "webrtc") throw new Error("no restart");
    expect(reply.local.ice).not.toEqual(made.webrtc.ice);
    expect(reply.local.fingerprint).toEqual(made.webrtc.fingerprint);
    playPbx(made, trunkCodecs.G722, encodeTone(trunkCodecs.G722, 440, 1_000, AMPLITUDE));
    made.world.run(200);
    const before = made.browser.received.length;
    expect(before).toBeGreaterThan(5);
    // The browser is elsewhere now.
    const lost = made.world.lose;
    made.world.lose = (source, destination) =>
      destination.address === BROWSER.address || lost(source, destination);
    made.world.listen(moved, (datagram, _, now) => made.browser.receive(datagram, now));
    made.browser.meet(reply.local);
    made.browser.address = moved;
    made.browser.check();
    made.world.run(1_000);
    expect(made.browser.received.length).toBeGreaterThan(before + 20);
  });

  test("M8: no port left refuses the leg, and closing leaves everything as it was", () => {
    const world = new MediaWorld({
      codecs,
      seed: 3,
      rtpPorts: { first: 10_000, last: 10_005 },
      takenPorts: [10_002],
    });
    world.open("a", "one", "trunk");
    world.open("a", "two", "trunk");
    const refused = world.command({
      type: "open",
      seq: 9,
      session: "b" as never,
      leg: "one" as never,
      kind: "trunk",
    });
    expect(refused).toEqual({ type: "refused", seq: 9, reason: "no-port" });
    expect(world.plane.sessionCount).toBe(1);
    world.close("a");
    expect(world.portsBusy).toBe(3);
    world.run(PORT_QUARANTINE_MS);
    expect(world.portsBusy).toBe(1);
    expect(world.plane.idle).toBe(true);
  });

  test("closing a call leaves no port, no name, no timer", () => {
    const made = call();
    playPbx(made, trunkCodecs.G722, encodeTone(trunkCodecs.G722, 440, 200, AMPLITUDE));
    made.world.run(300);
    expect(made.world.portsBusy).toBe(1);
    made.world.close("call");
    expect(made.world.plane.idle).toBe(true);
    expect(made.world.plane.deadline()).toBeUndefined();
    made.world.run(PORT_QUARANTINE_MS + 1);
    expect(made.world.portsBusy).toBe(0);
  });

  test("a fork: two phones ring on one trunk leg, the loser is closed, the winner talks", () => {
    const made = call();
    made.world.open("call", "other", "webrtc");
    made.world.command({ type: "closeLeg", session: "call" as never, leg: "other" as never });
    playPbx(made, trunkCodecs.G722, encodeTone(trunkCodecs.G722, 440, 200, AMPLITUDE));
    made.world.run(300);
    expect(made.browser.received.length).toBe(10);
  });

  test("a fault in one session's packet ends that session alone", () => {
    const broken: Codecs = {
      ...codecs,
      decoder: (name, rate) => {
        if (name === "PCMU") throw new Error("broken decoder");
        return codecs.decoder(name, rate);
      },
      encoder: (name, rate, options) => codecs.encoder(name, rate, options),
    };
    const made = call({ codecs: broken, trunk: trunkCodecs.PCMU });
    made.world.open("other", "leg", "trunk");
    playPbx(made, trunkCodecs.PCMU, [new Uint8Array(160)]);
    made.world.run(100);
    expect(made.world.notices.filter(({ type }) => type === "failed")).toMatchObject([
      { session: "call", leg: "phone", reason: "fault" },
      { session: "call", leg: "pbx", reason: "fault" },
    ]);
    expect(made.world.plane.sessionCount).toBe(1);
  });

  test("commands for what isn't there are refused", () => {
    const world = new MediaWorld({ codecs, seed: 3 });
    const ids = { session: "x" as never, leg: "y" as never };
    expect(world.command({ type: "query", seq: 1, ...ids })).toMatchObject({
      type: "refused",
      reason: "unknown-session",
    });
    world.open("x", "other", "trunk");
    expect(world.command({ type: "restart", seq: 2, ...ids })).toMatchObject({
      type: "refused",
      reason: "unknown-leg",
    });
    expect(world.command({ type: "closeLeg", ...ids })).toBeUndefined();
  });
});
