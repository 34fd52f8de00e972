/** Offers and answers with softphones: what Chromium writes, E2 points 9 and 10, and what is refused. */
import { expect, test } from "bun:test";
import type { LocalLeg } from "../../../gateway/media/protocol.ts";
import { parseSdp } from "../../../gateway/sdp/parse.ts";
import { attribute, attributes } from "../../../gateway/sdp/session-description.ts";
import {
  acceptWebrtcOffer,
  readWebrtcAnswer,
  webrtcOffer,
} from "../../../gateway/sdp/webrtc-profile.ts";

const hex = Array.from({ length: 32 }, (_, index) => (index + 16).toString(16).toUpperCase()).join(
  ":",
);

const local: LocalLeg = {
  kind: "webrtc",
  candidates: [
    { address: "192.0.2.1", port: 8081 },
    { address: "2001:db8::1", port: 8081 },
  ],
  ice: { ufrag: "ours", password: "ourpasswordourpassword" },
  fingerprint: { algorithm: "sha-256", value: hex },
  ssrc: 1234,
  cname: "cname",
};

const chromium = (...more: string[]) =>
  [
    "v=0",
    "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0",
    "a=extmap-allow-mixed",
    "a=msid-semantic: WMS stream",
    "m=audio 52116 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126",
    "c=IN IP4 192.0.2.9",
    "a=rtcp:9 IN IP4 0.0.0.0",
    "a=candidate:1 1 udp 2113937151 6a8a.local 52116 typ host generation 0",
    "a=ice-ufrag:EsAw",
    "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
    "a=ice-options:trickle",
    `a=fingerprint:sha-256 ${hex}`,
    "a=setup:actpass",
    "a=mid:0",
    "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "a=sendrecv",
    "a=rtcp-mux",
    "a=rtpmap:111 opus/48000/2",
    "a=rtcp-fb:111 transport-cc",
    "a=fmtp:111 minptime=10;useinbandfec=1",
    "a=rtpmap:63 red/48000/2",
    "a=fmtp:63 111/111",
    "a=rtpmap:9 G722/8000",
    "a=rtpmap:0 PCMU/8000",
    "a=rtpmap:8 PCMA/8000",
    "a=rtpmap:13 CN/8000",
    "a=rtpmap:110 telephone-event/48000",
    "a=rtpmap:126 telephone-event/8000",
    "a=ssrc:3735928559 cname:abc",
    ...more,
    "",
  ].join("\r\n");

const codecs = ["opus", "G722", "PCMA", "PCMU"] as const;
const origin = { id: "77", version: 1 };

function accepted(sdp: string, preference: readonly (typeof codecs)[number][] = codecs) {
  const result = acceptWebrtcOffer(sdp, preference);
  if (!result.ok) throw new Error(result.reason);
  return result.value;
}

function answerOf(sdp: string) {
  const parsed = parseSdp(accepted(sdp).answer(local, origin));
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.session;
}

test("Chromium's offer is understood", () => {
  expect(accepted(chromium()).remote).toMatchObject({
    kind: "webrtc",
    ice: { ufrag: "EsAw", password: "P2uYro0UCOQ4zxjKXaWCBui1" },
    dtls: "server",
    codec: { name: "opus", payloadType: 111, clockRate: 48_000, ptimeMs: 20, fec: true },
    dtmf: [
      { payloadType: 110, clockRate: 48_000 },
      { payloadType: 126, clockRate: 8_000 },
    ],
    direction: "sendrecv",
  });
});

test("E2.9: the answer is ICE-lite, passive, bundled and muxed, with one codec and both event clocks", () => {
  const session = answerOf(chromium());
  const [audio] = session.media;
  if (!audio) throw new Error("no audio");
  expect(session.attributes).toContainEqual({ name: "ice-lite", value: "" });
  expect(attribute(session, "group")).toBe("BUNDLE 0");
  expect(audio).toMatchObject({
    port: 8081,
    protocol: "UDP/TLS/RTP/SAVPF",
    formats: ["111", "63", "110", "126"],
  });
  expect(attribute(audio, "setup")).toBe("passive");
  expect(attribute(audio, "mid")).toBe("0");
  expect(attribute(audio, "rtcp-mux")).toBe("");
  expect(attribute(audio, "fmtp")).toContain("useinbandfec=1");
  expect(attributes(audio, "candidate")).toHaveLength(2);
  expect(attribute(audio, "end-of-candidates")).toBe("");
  expect(attributes(audio, "extmap")).toEqual([]);
  expect(attributes(audio, "rtcp-fb")).toEqual([]);
});

test("other streams are refused in their place and leave the bundle", () => {
  const video = [
    "m=video 9 UDP/TLS/RTP/SAVPF 96",
    "c=IN IP4 0.0.0.0",
    "a=mid:1",
    "a=rtpmap:96 VP8/90000",
  ];
  const session = answerOf(chromium(...video).replace("BUNDLE 0", "BUNDLE 0 1"));
  expect(session.media.map(({ kind, port }) => [kind, port])).toEqual([
    ["audio", 8081],
    ["video", 0],
  ]);
  expect(attribute(session, "group")).toBe("BUNDLE 0");
});

test("a passive offer makes us the DTLS client", () => {
  const offer = chromium().replace("a=setup:actpass", "a=setup:passive");
  expect(accepted(offer).remote).toMatchObject({ dtls: "client" });
  const [audio] = answerOf(offer).media;
  expect(audio && attribute(audio, "setup")).toBe("active");
});

test.each([
  ["sendonly", "recvonly"],
  ["recvonly", "sendonly"],
  ["inactive", "inactive"],
  ["sendrecv", "sendrecv"],
] as const)("RFC 3264 §6.1: to %s we answer %s", (theirs, ours) => {
  const offer = chromium().replace("a=sendrecv", `a=${theirs}`);
  expect(accepted(offer).remote.direction).toBe(ours);
  expect(answerOf(offer).media[0]?.attributes).toContainEqual({ name: ours, value: "" });
});

test.each([
  [
    "no fingerprint",
    (it: string) => it.replace(/a=fingerprint:.*\r\n/, ""),
    488,
    "offered none; allowed sha-256",
  ],
  [
    "a weak fingerprint",
    (it: string) => it.replace(/sha-256 .*/, "sha-1 AA:BB"),
    488,
    "offered sha-1",
  ],
  ["no ICE", (it: string) => it.replace(/a=ice-ufrag.*\r\n/, ""), 488, "ice-ufrag"],
  [
    "a short password",
    (it: string) => it.replace(/a=ice-pwd.*/, "a=ice-pwd:short"),
    488,
    "ice-pwd",
  ],
  ["no mux", (it: string) => it.replace("a=rtcp-mux\r\n", ""), 488, "rtcp-mux"],
  [
    "plain RTP",
    (it: string) => it.replaceAll("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
    488,
    "RTP/AVP is offered",
  ],
  ["no audio", (it: string) => it.replace("m=audio 52116", "m=audio 0"), 488, "no audio stream"],
  [
    "no codec of ours",
    (it: string) => it.replace(/SAVPF .*/, "SAVPF 63 13"),
    488,
    "offered red, CN; allowed opus",
  ],
  ["no SDP", () => "hello", 400, "v=0"],
])("an offer with %s is refused in words", (_what, change, status, words) => {
  const result = acceptWebrtcOffer(change(chromium()), codecs);
  expect(result).toMatchObject({ ok: false, status });
  expect(!result.ok && result.reason).toContain(words);
});

test("our offer reads as an offer, and its answer as an answer", () => {
  const offer = webrtcOffer(local, codecs, origin);
  expect(accepted(offer, ["PCMA"]).remote.codec).toMatchObject({ name: "PCMA", payloadType: 8 });
  const browser = { ...local, ice: { ufrag: "theirs", password: "theirpasswordtheirpass" } };
  const answer = accepted(offer, ["G722"]).answer(browser, origin);
  const read = readWebrtcAnswer(answer, offer);
  expect(read).toMatchObject({
    ok: true,
    value: { dtls: "client", codec: { name: "G722" }, ice: { ufrag: "theirs" } },
  });
  expect(
    readWebrtcAnswer(
      answer.replace(/a=rtpmap:9.*\r\n/, "").replace("SAVPF 9 ", "SAVPF 99 "),
      offer,
    ),
  ).toMatchObject({ ok: false, status: 488 });
});

test("RFC 2198: RED around Opus is taken, and stands first only where the softphone wants to send it", () => {
  expect(accepted(chromium()).remote).toMatchObject({ codec: { name: "opus" }, red: 63 });
  const [audio] = answerOf(chromium()).media;
  expect(audio && attributes(audio, "rtpmap")).toContain("63 red/48000/2");
  expect(audio && attributes(audio, "fmtp")).toContain("63 111/111");
  const wishes = chromium().replace("SAVPF 111 63", "SAVPF 63 111");
  expect(accepted(wishes).remote).toMatchObject({ codec: { name: "opus" }, red: 63 });
  expect(answerOf(wishes).media[0]?.formats).toEqual(["63", "111", "110", "126"]);
});

test.each([
  ["of other codecs", (it: string) => it.replace("63 111/111", "63 111/0")],
  ["of nothing said", (it: string) => it.replace("a=fmtp:63 111/111\r\n", "")],
  ["of one block", (it: string) => it.replace("63 111/111", "63 111")],
  ["on another clock", (it: string) => it.replace("red/48000/2", "red/8000")],
])("RED %s is left out", (_what, change) => {
  const offer = change(chromium());
  expect(accepted(offer).remote.red).toBeUndefined();
  expect(answerOf(offer).media[0]?.formats).toEqual(["111", "110", "126"]);
});

test("RED and comfort noise follow the codec: neither beside one they don't fit", () => {
  expect(accepted(chromium(), ["G722"]).remote).toMatchObject({ comfortNoise: 13 });
  expect(accepted(chromium(), ["G722"]).remote.red).toBeUndefined();
  expect(accepted(chromium()).remote.comfortNoise).toBeUndefined();
  const offer = webrtcOffer(local, codecs, origin);
  expect(offer).toContain("SAVPF 111 9 8 0 63 ");
  const browser = { ...local, ice: { ufrag: "theirs", password: "theirpasswordtheirpass" } };
  const answer = accepted(offer).answer(browser, origin);
  expect(readWebrtcAnswer(answer, offer)).toMatchObject({ value: { red: 63 } });
  const without = answer.replace(" 63 ", " ");
  expect(readWebrtcAnswer(without, offer)).not.toHaveProperty("value.red");
});

test("M9: where a peer's candidates point nothing is ever sent: none is read, .local names neither", () => {
  const targets = ["127.0.0.1", "169.254.169.254", "0.0.0.0", "::1", "224.0.0.1", "a.local"];
  const candidates = Array.from({ length: 60 }, (_, index) => {
    const target = targets[index % targets.length];
    return `a=candidate:${index} 1 udp 1 ${target} ${22 + index} typ host`;
  });
  const accepted = acceptWebrtcOffer(chromium(...candidates), ["opus"]);
  expect(accepted.ok).toBe(true);
  const remote = JSON.stringify(accepted.ok ? accepted.value.remote : "");
  for (const target of [...targets, "192.0.2.9"]) expect(remote).not.toContain(target);
});

test("RFC 8840: who may trickle is told that it may; all of ours are there at once", () => {
  const answerTo = (offer: string) => {
    const accepted = acceptWebrtcOffer(offer, ["opus"]);
    return accepted.ok ? accepted.value.answer(local, { id: "1", version: 1 }) : "";
  };
  expect(answerTo(chromium())).toContain("a=ice-options:trickle\r\n");
  expect(answerTo(chromium())).toContain("a=end-of-candidates\r\n");
  const mute = chromium().replace("a=ice-options:trickle\r\n", "");
  expect(answerTo(mute)).not.toContain("ice-options");
});
