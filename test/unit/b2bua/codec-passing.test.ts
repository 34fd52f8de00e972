/** MED-02: without transcoding both ends of a call speak one codec, whoever offers first. */
import { expect, test } from "bun:test";
import { mediaModeOf, passAnswer, passOffer } from "../../../gateway/b2bua/codec-passing.ts";
import type { Leg } from "../../../gateway/b2bua/leg.ts";
import { Negotiation } from "../../../gateway/b2bua/negotiation.ts";
import type { CodecName, LegKind } from "../../../gateway/media/protocol.ts";
import { DIGEST, localLeg } from "../../sim/local-leg.ts";
import { seededRandom } from "../../sim/random.ts";

const ALL: CodecName[] = ["opus", "G722", "PCMA", "PCMU"];

function leg(kind: LegKind, transcodes: boolean, codecs: CodecName[] = ALL): Leg {
  const negotiation = new Negotiation({ kind, codecs, random: seededRandom(1) });
  negotiation.opened(localLeg(kind, "192.0.2.1", 1));
  return { kind, options: { transcodes }, negotiation } as unknown as Leg;
}

const pbx = (formats: string) =>
  [
    ...["v=0", "o=pbx 1 1 IN IP4 192.0.2.50", "s=-", "c=IN IP4 192.0.2.50", "t=0 0"],
    ...[`m=audio 4000 RTP/AVP ${formats}`, "a=rtpmap:96 opus/48000/2", ""],
  ].join("\r\n");

const phone = (formats: string) =>
  [
    ...["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"],
    ...[`m=audio 9 UDP/TLS/RTP/SAVPF ${formats}`, "c=IN IP4 0.0.0.0", "a=rtcp-mux"],
    ...["a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx", "a=setup:actpass"],
    ...[`a=fingerprint:sha-256 ${DIGEST}`, "a=rtpmap:111 opus/48000/2", ""],
  ].join("\r\n");

const formatsIn = (sdp: string | undefined) => /^m=audio \d+ \S+ (.*)\r$/m.exec(sdp ?? "")?.[1];

test("the softphone's codecs are the PBX's to choose from, and its choice is the answer", () => {
  const caller = leg("webrtc", true);
  const callee = leg("trunk", false);
  expect(caller.negotiation.receiveOffer(phone("111 0 8")).ok).toBe(true);
  passOffer(caller, callee);
  expect(formatsIn(callee.negotiation.offer())).toStartWith("111 0 8 ");
  expect(callee.negotiation.receiveAnswer(pbx("8 0")).ok).toBe(true);
  passAnswer(callee, caller);
  expect(formatsIn(caller.negotiation.answer())).toStartWith("8");
  expect(caller.negotiation.remote?.codec.name).toBe("PCMA");
  expect(mediaModeOf(caller, callee)).toBe("bridge");
});

test("the PBX's codecs are the softphone's to choose from", () => {
  const caller = leg("trunk", false);
  const callee = leg("webrtc", true);
  expect(caller.negotiation.receiveOffer(pbx("0 96")).ok).toBe(true);
  passOffer(caller, callee);
  expect(formatsIn(callee.negotiation.offer())).toMatch(/^0 111 /);
  expect(callee.negotiation.receiveAnswer(phone("111 0")).ok).toBe(true);
  passAnswer(callee, caller);
  expect(formatsIn(caller.negotiation.answer())).toStartWith("96");
  expect(mediaModeOf(caller, callee)).toBe("bridge");
});

test("a re-INVITE can't change the codec on one side alone: 488, and the call goes on", () => {
  const caller = leg("webrtc", true);
  const callee = leg("trunk", false);
  caller.negotiation.receiveOffer(phone("111 0"));
  passOffer(caller, callee);
  callee.negotiation.offer();
  callee.negotiation.receiveAnswer(pbx("0"));
  passAnswer(callee, caller);
  expect(callee.negotiation.receiveOffer(pbx("96"))).toMatchObject({ ok: false, status: 488 });
  expect(callee.negotiation.receiveOffer(pbx("96 0")).ok).toBe(true);
  expect(callee.negotiation.remote?.codec.name).toBe("PCMU");
});

test("connections that transcode choose each for itself; one codec by chance is a bridge", () => {
  const caller = leg("webrtc", true);
  const callee = leg("trunk", true, ["PCMA", "PCMU"]);
  caller.negotiation.receiveOffer(phone("111 0"));
  passOffer(caller, callee);
  expect(formatsIn(callee.negotiation.offer())).toMatch(/^8 0 /);
  expect(mediaModeOf(caller, callee)).toBeUndefined();
  callee.negotiation.receiveAnswer(pbx("0"));
  passAnswer(callee, caller);
  expect(formatsIn(caller.negotiation.answer())).toStartWith("111");
  expect(mediaModeOf(caller, callee)).toBe("transcode");
  const other = leg("webrtc", true);
  other.negotiation.receiveOffer(phone("111"));
  expect(mediaModeOf(caller, other)).toBe("bridge");
});
