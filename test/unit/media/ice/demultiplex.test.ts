import { expect, test } from "bun:test";
import { classify, type DatagramKind } from "../../../../gateway/media/ice/demultiplex.ts";

/** RFC 7983 §7, and RFC 5761 §4 for the second byte. */
function expected(first: number, second: number): DatagramKind {
  if (first >= 20 && first <= 63) return "dtls";
  if (first >= 128 && first <= 191) return second >= 192 && second <= 223 ? "rtcp" : "rtp";
  return "unknown";
}

test("every first and second byte has the class of RFC 7983 and RFC 5761", () => {
  const datagram = new Uint8Array(40);
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second++) {
      datagram[0] = first;
      datagram[1] = second;
      // 40 zero bytes lack the cookie, so none of them is STUN.
      expect([first, second, classify(datagram)]).toEqual([first, second, expected(first, second)]);
    }
  }
});

test("STUN needs its cookie and its length", () => {
  const datagram = Uint8Array.fromHex(`000100002112a442${"00".repeat(12)}`);
  expect(classify(datagram)).toBe("stun");
  expect(classify(datagram.subarray(0, 19))).toBe("unknown");
  datagram[4] = 0x20;
  expect(classify(datagram)).toBe("unknown");
});

test("P6 datagrams too short for their protocol are unknown", () => {
  expect(classify(new Uint8Array(0))).toBe("unknown");
  for (let length = 1; length <= 14; length++) {
    expect(classify(new Uint8Array(length).fill(0x80))).toBe(length < 12 ? "unknown" : "rtp");
    expect(classify(new Uint8Array(length).fill(22))).toBe(length < 13 ? "unknown" : "dtls");
    const report = new Uint8Array(length).fill(201);
    report[0] = 0x80;
    expect(classify(report)).toBe(length < 8 ? "unknown" : "rtcp");
  }
});
