/** SDP as text: print and parse are inverse, bombs are refused, nothing throws. */
import { expect, test } from "bun:test";
import { parseSdp } from "../../../gateway/sdp/parse.ts";
import { printSdp } from "../../../gateway/sdp/print.ts";
import { trunkProfile } from "../../../gateway/sdp/trunk-profile.ts";
import { SdesKeys } from "../../../gateway/sdp/trunk-security.ts";
import { acceptWebrtcOffer } from "../../../gateway/sdp/webrtc-profile.ts";
import { scaled } from "../../rigs/scale.ts";
import { seededRandom } from "../../sim/random.ts";

const keys = new SdesKeys(seededRandom(1));
const clear = trunkProfile({ encryption: "sdes", optional: true, keys });
const head = "v=0\r\no=- 1 2 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
const audio = "m=audio 4000 RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n";

test("what is printed reads as what it was", () => {
  const first = parseSdp(head + audio);
  if (!first.ok) throw new Error(first.reason);
  expect(printSdp(first.session)).toBe(head + audio);
  expect(parseSdp(printSdp(first.session))).toEqual(first);
});

test.each([
  ["ten thousand streams", head + audio.repeat(10_000)],
  ["seventeen streams", head + audio.repeat(17)],
  ["a megabyte of attributes", head + audio + "a=x\r\n".repeat(200_000)],
  ["six hundred attributes", head + audio + "a=x\r\n".repeat(600)],
  [
    "a hundred candidates",
    head + audio + "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n".repeat(100),
  ],
  ["port 65536", head + audio.replace("4000", "65536")],
  ["a negative port", head + audio.replace("4000", "-1")],
  ["a c= line of nonsense", head.replace("192.0.2.1\r\nt", "a b\r\nt") + audio],
  ["no origin", head.replace(/o=.*\r\n/, "") + audio],
  ["a line without a type", `${head}hello\r\n`],
])("P4: %s is refused with a reason", (_what, text) => {
  const result = parseSdp(text);
  expect(result.ok).toBe(false);
  expect(!result.ok && result.reason.length).toBeGreaterThan(10);
});

test("P4: mutated descriptions never throw, in the parser or in a profile", () => {
  const random = seededRandom(Number(process.env["JACKFIELD_SEED"] ?? 8_866));
  const count = scaled("P4 mutated descriptions", 10_000_000, 0.002);
  const seeds = [
    head + audio,
    `${head}m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n`,
  ];
  let read = 0;
  for (let round = 0; round < count; round++) {
    const text = [...random.pick(seeds)];
    for (let flips = 1 + random.below(4); flips > 0; flips--) {
      text[random.below(text.length)] = String.fromCharCode(random.below(256));
    }
    const mutated = text.join("");
    const parsed = parseSdp(mutated);
    if (parsed.ok) {
      read += 1;
      expect(parseSdp(printSdp(parsed.session))).toEqual(parsed);
    }
    clear.accept(mutated, ["PCMA"]);
    acceptWebrtcOffer(mutated, ["opus"]);
  }
  expect(read).toBeGreaterThan(count / 50);
});
