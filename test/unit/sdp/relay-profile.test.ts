/** AMB-07: what a peer says of its DTLS-SRTP reaches the other peer as it was said, with our way. */
import { describe, expect, test } from "bun:test";
import { mediaModeOf, passAnswer, passOffer } from "../../../gateway/b2bua/codec-passing.ts";
import type { Leg } from "../../../gateway/b2bua/leg.ts";
import { Negotiation, type NegotiationOptions } from "../../../gateway/b2bua/negotiation.ts";
import type { LegKind } from "../../../gateway/media/protocol.ts";
import { localLeg } from "../../sim/local-leg.ts";
import { seededRandom } from "../../sim/random.ts";

const OURS = "192.0.2.1";
const digest = (byte: string) => Array(32).fill(byte).join(":");

const PHONE = [
  "v=0",
  "o=- 4611 2 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE audio1",
  "a=extmap-allow-mixed",
  "a=msid-semantic: WMS stream",
  "m=audio 50000 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126",
  "c=IN IP4 198.51.100.20",
  "a=rtcp:9 IN IP4 0.0.0.0",
  "a=candidate:1 1 udp 2122260223 198.51.100.20 50000 typ host",
  "a=candidate:2 1 udp 1 abcd.local 50000 typ host",
  "a=ice-ufrag:abcd",
  "a=ice-pwd:abcdefghijklmnopqrstuvwx",
  "a=ice-options:trickle",
  `a=fingerprint:sha-256 ${digest("A1")}`,
  "a=setup:actpass",
  "a=tls-id:91bbf309c0990a6bec11e38ba2933cee",
  "a=mid:audio1",
  "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  "a=sendrecv",
  "a=msid:stream track",
  "a=rtcp-mux",
  "a=rtpmap:111 opus/48000/2",
  "a=rtcp-fb:111 transport-cc",
  "a=fmtp:111 minptime=10;useinbandfec=1",
  "a=rtpmap:63 red/48000/2",
  "a=fmtp:63 111/111",
  "a=rtpmap:110 telephone-event/48000",
  "a=rtpmap:126 telephone-event/8000",
  "a=ssrc:3735928559 cname:phone",
  "",
].join("\r\n");

const PBX = [
  "v=0",
  "o=pbx 7 1 IN IP4 203.0.113.5",
  "s=call",
  "c=IN IP4 203.0.113.5",
  "t=0 0",
  `a=fingerprint:sha-256 ${digest("B2")}`,
  "m=audio 30000 UDP/TLS/RTP/SAVPF 111 126",
  "a=setup:active",
  "a=rtcp-mux",
  "a=rtpmap:111 opus/48000/2",
  "a=rtpmap:126 telephone-event/8000",
  "a=ssrc:77 cname:pbx",
  "a=ptime:20",
  "a=sendrecv",
  "",
].join("\r\n");

function leg(kind: LegKind, options: Partial<NegotiationOptions> = {}): Leg {
  const codecs = ["opus", "G722", "PCMA", "PCMU"] as const;
  const negotiation = new Negotiation({ kind, codecs, random: seededRandom(1), ...options });
  negotiation.opened(localLeg(kind, OURS, 1));
  const transcodes = kind === "webrtc";
  return { kind, options: { transcodes }, negotiation } as unknown as Leg;
}

const relaying = (optional = false) =>
  leg("trunk", { relays: true, encryption: { encryption: "dtls", optional } });

const lines = (sdp: string | undefined) => (sdp ?? "").split("\r\n");
const has = (sdp: string | undefined, ...wanted: string[]) => {
  expect(lines(sdp)).toEqual(expect.arrayContaining(wanted));
};

/** What must never get from one side to the other. */
function expectNoWay(sdp: string | undefined, foreign: string): void {
  expect(sdp).not.toContain(foreign);
  expect(sdp).not.toContain(".local");
  expect(sdp).not.toContain("ice-options");
  expect(sdp).not.toContain("a=rtcp:");
}

function answered(caller: Leg, callee: Leg) {
  expect(caller.negotiation.receiveOffer(PHONE).ok).toBe(true);
  expect(passOffer(caller, callee)).toBeUndefined();
  const offer = callee.negotiation.offer();
  expect(callee.negotiation.receiveAnswer(PBX)).toMatchObject({ ok: true });
  passAnswer(callee, caller);
  return { offer, answer: caller.negotiation.answer() };
}

describe("a softphone calls", () => {
  test("fingerprint, tls-id, ssrc, msid, extmap, rtcp-fb pass; addresses and ICE are ours", () => {
    const caller = leg("webrtc");
    const callee = relaying();
    const { offer, answer } = answered(caller, callee);
    has(
      offer,
      "m=audio 10000 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126",
      `c=IN IP4 ${OURS}`,
      `a=fingerprint:sha-256 ${digest("A1")}`,
      "a=setup:actpass",
      "a=tls-id:91bbf309c0990a6bec11e38ba2933cee",
      "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
      "a=extmap-allow-mixed",
      "a=msid:stream track",
      "a=rtcp-fb:111 transport-cc",
      "a=fmtp:111 minptime=10;useinbandfec=1",
      "a=ssrc:3735928559 cname:phone",
      "a=rtcp-mux",
    );
    expectNoWay(offer, "198.51.100.20");
    expect(offer).not.toContain("ice-");
    expect(offer).not.toContain("candidate");
    has(
      answer,
      "m=audio 20000 UDP/TLS/RTP/SAVPF 111 126",
      "a=group:BUNDLE audio1",
      "a=mid:audio1",
      `a=fingerprint:sha-256 ${digest("B2")}`,
      "a=setup:active",
      "a=ssrc:77 cname:pbx",
      "a=ice-lite",
      "a=ice-ufrag:ours1",
      `a=candidate:1 1 UDP 2130706431 ${OURS} 20000 typ host`,
    );
    expectNoWay(answer, "203.0.113.5");
    // Ours is the fingerprint nobody is told: the gateway is no party to the handshake.
    for (const sdp of [offer, answer]) expect(sdp).not.toContain(digest("AB"));
    expect(caller.negotiation.remote).toMatchObject({ relay: true, codec: { name: "opus" } });
    expect(callee.negotiation.remote).toMatchObject({ relay: true, codec: { name: "opus" } });
    expect(mediaModeOf(caller, callee)).toBe("relay");
  });

  test("hold, resume and an ICE restart are answered here; what is the peer's stays", () => {
    const caller = leg("webrtc");
    const callee = relaying();
    answered(caller, callee);
    const held = PHONE.replace("a=sendrecv", "a=sendonly").replace(
      "a=ice-ufrag:abcd",
      "a=ice-ufrag:efgh",
    );
    expect(caller.negotiation.receiveOffer(held)).toMatchObject({ value: { restarts: true } });
    has(
      caller.negotiation.answer(),
      "a=recvonly",
      "a=setup:active",
      `a=fingerprint:sha-256 ${digest("B2")}`,
    );
    const told = callee.negotiation.offer("sendonly");
    has(told, "a=sendonly", "a=setup:actpass", `a=fingerprint:sha-256 ${digest("A1")}`);
    has(told, "a=ssrc:3735928559 cname:phone");
    // The PBX's own hold, answered in the softphone's name: it is the passive one.
    const byPbx = PBX.replace("setup:active", "setup:actpass").replace("sendrecv", "sendonly");
    expect(callee.negotiation.receiveOffer(byPbx).ok).toBe(true);
    has(callee.negotiation.answer(), "a=recvonly", "a=setup:passive");
  });

  test("another certificate in a re-INVITE: 488, and the call goes on", () => {
    const caller = leg("webrtc");
    const callee = relaying();
    answered(caller, callee);
    const other = PBX.replace(digest("B2"), digest("C3"));
    expect(callee.negotiation.receiveOffer(other)).toMatchObject({
      status: 488,
      reason: expect.stringContaining("another certificate"),
    });
    expect(callee.negotiation.receiveOffer(PBX).ok).toBe(true);
  });

  test("a re-INVITE that is refused is not what the other side is told", () => {
    const caller = leg("webrtc");
    const callee = relaying();
    answered(caller, callee);
    const unspeakable = PHONE.replace("111 63 9 0 8 13 110 126", "63 13 110").replace(
      "a=ssrc:3735928559",
      "a=ssrc:1",
    );
    expect(caller.negotiation.receiveOffer(unspeakable)).toMatchObject({ status: 488 });
    const byPbx = PBX.replace("setup:active", "setup:actpass");
    expect(callee.negotiation.receiveOffer(byPbx).ok).toBe(true);
    const told = callee.negotiation.answer();
    has(told, "m=audio 10000 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126");
    has(told, "a=ssrc:3735928559 cname:phone");
  });

  test.each([
    ["RTP in the clear", PBX.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "RTP/AVP is offered"],
    ["no fingerprint", PBX.replace(/a=fingerprint.*\r\n/, ""), "fingerprint: offered none"],
    ["a weak one", PBX.replace(/sha-256 .*\r\n/, "sha-1 AA:BB\r\n"), "offered sha-1"],
    ["RTCP on a port of its own", PBX.replace("a=rtcp-mux\r\n", ""), "without rtcp-mux"],
  ])("AMB-08: a PBX that answers %s: 488 and why", (_, answer, reason) => {
    for (const optional of [false, true]) {
      const caller = leg("webrtc");
      const callee = relaying(optional);
      caller.negotiation.receiveOffer(PHONE);
      passOffer(caller, callee);
      callee.negotiation.offer();
      const read = callee.negotiation.receiveAnswer(answer);
      expect(read).toMatchObject({ ok: false, status: 488 });
      expect(read.ok ? "" : read.reason).toContain(reason);
    }
  });
});

describe("a PBX calls", () => {
  const offer = PBX.replace("setup:active", "setup:actpass");

  test("its description reaches every device, the winner's answer reaches it", () => {
    const caller = relaying();
    const [first, second] = [leg("webrtc"), leg("webrtc")];
    expect(caller.negotiation.receiveOffer(offer).ok).toBe(true);
    for (const device of [first, second]) {
      expect(passOffer(caller, device)).toBeUndefined();
      has(
        device.negotiation.offer(),
        "m=audio 20000 UDP/TLS/RTP/SAVPF 111 126",
        "a=mid:0",
        "a=group:BUNDLE 0",
        "a=setup:actpass",
        `a=fingerprint:sha-256 ${digest("B2")}`,
      );
    }
    const answer = PHONE.replace("actpass", "active");
    expect(second.negotiation.receiveAnswer(answer).ok).toBe(true);
    passAnswer(second, caller);
    const told = caller.negotiation.answer();
    has(told, `a=fingerprint:sha-256 ${digest("A1")}`, "a=setup:active", `c=IN IP4 ${OURS}`);
    expectNoWay(told, "198.51.100.20");
    expect(mediaModeOf(caller, second)).toBe("relay");
    // From here on the PBX is the passive one, whoever offers.
    has(second.negotiation.offer("sendonly"), "a=setup:actpass");
    second.negotiation.receiveOffer(PHONE);
    has(second.negotiation.answer(), "a=setup:passive");
  });

  test("without keys of its own: 488, or ours where the connection allows it, and that is told", () => {
    const plain = offer.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP");
    expect(relaying().negotiation.receiveOffer(plain)).toMatchObject({ status: 488 });
    const caller = relaying(true);
    expect(caller.negotiation.receiveOffer(plain).ok).toBe(true);
    const device = leg("webrtc");
    expect(passOffer(caller, device)).toBeUndefined();
    has(device.negotiation.offer(), `a=fingerprint:sha-256 ${digest("AB")}`);
    device.negotiation.receiveAnswer(PHONE.replace("actpass", "active"));
    passAnswer(device, caller);
    expect(mediaModeOf(caller, device)).toBe("bridge");
    expect(caller.negotiation.notice).toContain("holds this call's keys");
  });
});

test("where one side keeps its keys to itself, the other's stay its own too", () => {
  const caller = relaying(true);
  const device = leg("webrtc");
  caller.negotiation.receiveOffer(PBX.replace("setup:active", "setup:actpass"));
  expect(passOffer(caller, device)).toBeUndefined();
  device.negotiation.offer();
  device.negotiation.receiveAnswer(PHONE.replace("actpass", "active"));
  passAnswer(device, caller);
  caller.negotiation.answer();
  expect(passOffer(caller, relaying(false))).toMatchObject({ status: 488 });
  expect(caller.negotiation.relays).toBe(true);
  expect(caller.negotiation.notice).toBeUndefined();
});

test("whom there is nothing to pass on to, or from: 488 in words", () => {
  const talking = leg("webrtc");
  answered(talking, relaying());
  expect(passOffer(talking, relaying())).toMatchObject({ status: 488 });
  const plain = leg("trunk");
  plain.negotiation.receiveOffer(PBX.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"));
  expect(passOffer(plain, relaying())).toMatchObject({ status: 488 });
  expect(passOffer(leg("trunk"), leg("trunk"))).toBeUndefined();
});
