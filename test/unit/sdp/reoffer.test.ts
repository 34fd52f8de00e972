/** Our next offer in a session: what was agreed stays, direction and credentials change. */

import { expect, test } from "bun:test";
import type { LocalLeg } from "../../../gateway/media/protocol.ts";
import { reoffer } from "../../../gateway/sdp/reoffer.ts";
import { trunkProfile } from "../../../gateway/sdp/trunk-profile.ts";
import { SdesKeys } from "../../../gateway/sdp/trunk-security.ts";
import { acceptWebrtcOffer } from "../../../gateway/sdp/webrtc-profile.ts";
import { DIGEST, localLeg } from "../../sim/local-leg.ts";
import { seededRandom } from "../../sim/random.ts";

const webrtc: Extract<LocalLeg, { kind: "webrtc" }> = {
  kind: "webrtc",
  candidates: [{ address: "192.0.2.1", port: 20_000 }],
  ice: { ufrag: "ours", password: "p".repeat(24) },
  fingerprint: { algorithm: "sha-256", value: DIGEST },
  ssrc: 7,
  cname: "c",
};
const rtp = { address: "192.0.2.1", port: 10_000 };
const trunk = localLeg("trunk", rtp.address, 1);
const keys = new SdesKeys(seededRandom(1));
const clear = trunkProfile({ encryption: "none", optional: false, keys });
const origin = (version: number) => ({ id: "5", version });

const BROWSER = [
  "v=0",
  "o=- 1 1 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE v a",
  "m=video 9 UDP/TLS/RTP/SAVPF 96",
  "c=IN IP4 0.0.0.0",
  "a=mid:v",
  "m=audio 9 UDP/TLS/RTP/SAVPF 111 0",
  "c=IN IP4 0.0.0.0",
  "a=ice-ufrag:abcd",
  `a=ice-pwd:${"x".repeat(24)}`,
  `a=fingerprint:sha-256 ${DIGEST}`,
  "a=setup:actpass",
  "a=mid:a",
  "a=rtcp-mux",
  "a=rtpmap:111 opus/48000/2",
  "",
].join("\r\n");

const linesOf = (sdp: string, start: string) =>
  sdp.split("\r\n").filter((line) => line.startsWith(start));

test("after an answer of ours: streams keep place and mid, refused ones stay refused", () => {
  const accepted = acceptWebrtcOffer(BROWSER, ["opus"]);
  if (!accepted.ok) throw new Error(accepted.reason);
  const answer = accepted.value.answer(webrtc, origin(1));
  const next = reoffer(answer, webrtc, "sendonly", origin(2));
  expect(linesOf(next, "m=").map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
    "m=video 0",
    "m=audio 20000",
  ]);
  expect(linesOf(next, "a=mid:")).toEqual(linesOf(answer, "a=mid:"));
  expect(linesOf(next, "a=group:")).toEqual(linesOf(answer, "a=group:"));
  expect(linesOf(next, "a=setup:")).toEqual(["a=setup:actpass"]);
  expect(linesOf(next, "a=send")).toEqual(["a=sendonly"]);
  expect(linesOf(next, "a=rtpmap:")).toEqual(linesOf(answer, "a=rtpmap:"));
  expect(linesOf(next, "o=")).toEqual(["o=- 5 2 IN IP4 192.0.2.1"]);
});

test("an ICE restart changes the credentials and nothing else", () => {
  const accepted = acceptWebrtcOffer(BROWSER, ["opus"]);
  if (!accepted.ok) throw new Error(accepted.reason);
  const before = reoffer(accepted.value.answer(webrtc, origin(1)), webrtc, "sendrecv", origin(2));
  const renewed = { ...webrtc, ice: { ufrag: "news", password: "n".repeat(24) } };
  const after = reoffer(before, renewed, "sendrecv", origin(2));
  const changed = after.split("\r\n").filter((line) => !before.includes(line));
  expect(changed).toEqual(["a=ice-ufrag:news", `a=ice-pwd:${"n".repeat(24)}`]);
});

test("towards a PBX: the agreed codec, hold and resume, the port of the leg as it is now", () => {
  const first = clear.offer(trunk, ["G722", "PCMA"], origin(1));
  const held = reoffer(first, trunk, "inactive", origin(2));
  expect(held).toContain("a=inactive\r\n");
  const moved = { ...rtp, port: 10_020 };
  const elsewhere = { ...trunk, rtp: moved, rtcp: { ...moved, port: 10_021 } };
  const resumed = reoffer(held, elsewhere, "sendrecv", origin(3));
  expect(resumed).toContain("m=audio 10020 RTP/AVP");
  expect(resumed).toContain("a=sendrecv\r\n");
  expect(clear.accept(resumed, ["PCMA"]).ok).toBe(true);
});

test("what is no description of ours is a fault of ours", () => {
  expect(() => reoffer("", trunk, "sendrecv", origin(1))).toThrow();
});
