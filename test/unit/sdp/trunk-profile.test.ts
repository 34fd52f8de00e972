/** Offers and answers with PBXs, as desk phones and Asterisk write them. */

import { expect, test } from "bun:test";
import { trunkProfile } from "../../../gateway/sdp/trunk-profile.ts";
import { SdesKeys } from "../../../gateway/sdp/trunk-security.ts";
import { localLeg } from "../../sim/local-leg.ts";
import { seededRandom } from "../../sim/random.ts";

const keys = new SdesKeys(seededRandom(1));
const clear = trunkProfile({ encryption: "none", optional: false, keys });

const local = localLeg("trunk", "192.0.2.1", 1);
const origin = { id: "9", version: 3 };

const phone = (formats: string, ...more: string[]) =>
  [
    "v=0",
    "o=phone 1 1 IN IP4 192.0.2.50",
    "s=-",
    "c=IN IP4 192.0.2.50",
    "t=0 0",
    `m=audio 4000 RTP/AVP ${formats}`,
    ...more,
    "",
  ].join("\r\n");

function accepted(
  sdp: string,
  codecs: Parameters<typeof clear.accept>[1] = ["G722", "PCMA", "PCMU"],
) {
  const result = clear.accept(sdp, codecs);
  if (!result.ok) throw new Error(result.reason);
  return result.value;
}

test("static payload types need no rtpmap (RFC 3551 §6)", () => {
  expect(accepted(phone("0 8")).remote).toMatchObject({
    rtp: { address: "192.0.2.50", port: 4_000 },
    rtcp: { address: "192.0.2.50", port: 4_001 },
    codec: { name: "PCMA", payloadType: 8, clockRate: 8_000, ptimeMs: 20 },
  });
});

test("MED-06: of an offer the first codec of our order is taken, of an answer the peer's first", () => {
  expect(accepted(phone("0 8 9"), ["PCMU", "G722"]).remote.codec.name).toBe("PCMU");
  const offer = clear.offer(local, ["G722", "PCMA", "PCMU"], origin);
  expect(clear.readAnswer(phone("8 9"), offer)).toMatchObject({
    ok: true,
    value: { codec: { name: "PCMA" } },
  });
});

test("MED-04: G.722 is written with clock 8000 and type 9", () => {
  const offer = clear.offer(local, ["G722", "PCMA", "PCMU"], origin);
  expect(offer).toContain("m=audio 10000 RTP/AVP 9 8 0 13 101\r\n");
  expect(offer).toContain("a=rtpmap:9 G722/8000\r\n");
  expect(offer).toContain(
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=rtcp-xr:rcvr-rtt=all voip-metrics\r\na=sendrecv\r\n",
  );
  expect(offer).not.toContain("a=rtcp:");
  expect(offer).not.toContain("ice");
});

test("RTCP where the peer says (RFC 3605), ptime as it wishes, events as it numbers them", () => {
  const sdp = phone(
    "8 96",
    "a=rtpmap:96 telephone-event/8000",
    "a=rtcp:5000 IN IP4 192.0.2.60",
    "a=ptime:30",
  );
  expect(accepted(sdp).remote).toMatchObject({
    rtcp: { address: "192.0.2.60", port: 5_000 },
    codec: { ptimeMs: 30 },
    dtmf: [{ payloadType: 96, clockRate: 8_000 }],
  });
});

test("DTM-01: where digits go by INFO or as tones, no telephone-event is offered or agreed on", () => {
  const without = trunkProfile({ encryption: "none", optional: false, keys }, false);
  expect(without.offer(local, ["PCMA"], origin)).not.toContain("telephone-event");
  const accepted = without.accept(phone("8 101", "a=rtpmap:101 telephone-event/8000"), ["PCMA"]);
  if (!accepted.ok) throw new Error(accepted.reason);
  expect(accepted.value.remote.dtmf).toBeUndefined();
  expect(accepted.value.answer(local, origin)).not.toContain("telephone-event");
});

test("hold in both styles: sendonly, and an address of zeros (RFC 3264 §8.4)", () => {
  expect(accepted(phone("8", "a=sendonly")).remote.direction).toBe("recvonly");
  expect(
    accepted(phone("8").replace("c=IN IP4 192.0.2.50", "c=IN IP4 0.0.0.0")).remote.direction,
  ).toBe("recvonly");
});

test.each([
  [phone("18 3"), 488, "offered 18, 3; allowed G722, PCMA, PCMU"],
  [phone("8").replace("RTP/AVP", "RTP/SAVP"), 488, "RTP/SAVP is offered"],
  [phone("8").replace("m=audio 4000", "m=audio 99999"), 400, "m= line"],
  [phone("8").replace("c=IN IP4 192.0.2.50\r\n", ""), 400, "no c= line"],
])("what can't be spoken is refused in words", (sdp, status, words) => {
  const result = clear.accept(sdp, ["G722", "PCMA", "PCMU"]);
  expect(result).toMatchObject({ ok: false, status });
  expect(!result.ok && result.reason).toContain(words);
});

test("an answer without any codec we offered is refused", () => {
  const offer = clear.offer(local, ["G722"], origin);
  expect(clear.readAnswer(phone("8"), offer)).toMatchObject({ ok: false, status: 488 });
});

test("RFC 3389: comfort noise is offered, and answered where the PBX has it on the codec's clock", () => {
  expect(clear.offer(local, ["PCMA"], origin)).toContain("a=rtpmap:13 CN/8000\r\n");
  expect(clear.offer(local, ["opus"], origin)).not.toContain("CN/8000");
  const offered = accepted(phone("8 13 101", "a=rtpmap:101 telephone-event/8000"));
  expect(offered.remote).toMatchObject({ codec: { name: "PCMA" }, comfortNoise: 13 });
  expect(offered.answer(local, origin)).toContain("m=audio 10000 RTP/AVP 8 13 101\r\n");
  expect(accepted(phone("8")).remote.comfortNoise).toBeUndefined();
  expect(accepted(phone("8")).answer(local, origin)).not.toContain("CN");
  const renumbered = accepted(phone("8 98 13", "a=rtpmap:98 CN/8000", "a=rtpmap:13 CN/16000"));
  expect(renumbered.remote.comfortNoise).toBe(98);
  const offer = clear.offer(local, ["PCMA"], origin);
  expect(clear.readAnswer(phone("8 13"), offer)).toMatchObject({ value: { comfortNoise: 13 } });
  expect(clear.readAnswer(phone("8"), offer)).not.toHaveProperty("value.comfortNoise");
  const plain = offer.replace(" 13 ", " ").replace("a=rtpmap:13 CN/8000\r\n", "");
  expect(clear.readAnswer(phone("8 13"), plain)).not.toHaveProperty("value.comfortNoise");
});
