import { expect, test } from "bun:test";
import {
  headerLength,
  RtpHeader,
  readHeader,
  writeHeader,
} from "../../../../gateway/media/rtp/rtp-packet.ts";
import { mutate, mutations, runSeed, seededChance } from "../chance.ts";

test("a header is read as written", () => {
  const buffer = new Uint8Array(172);
  const fields = {
    payloadType: 9,
    marker: true,
    sequence: 0xfedc,
    timestamp: 0xfedcba98,
    ssrc: 0x89abcdef,
  };
  expect(writeHeader(buffer, fields)).toBe(12);
  expect(buffer.subarray(0, 12).toHex()).toBe("8089fedcfedcba9889abcdef");
  const header = new RtpHeader();
  expect(readHeader(buffer, 172, header)).toBe(true);
  expect({ ...header }).toEqual({ ...fields, payloadOffset: 12, payloadLength: 160 });
  expect(writeHeader(buffer, { ...fields, marker: false })).toBe(12);
  expect(buffer[1]).toBe(9);
});

/** 3 contributing sources, an extension of 2 words, 5 bytes of payload, 3 of padding. */
const full = Uint8Array.fromHex(
  `b3000001000000020000000a${"0000000b0000000c0000000d"}${"bede00021122334455667788"}${"0102030405"}000003`,
);

test("contributing sources, extension and padding are left out of the payload", () => {
  const header = new RtpHeader();
  expect(readHeader(full, full.length, header)).toBe(true);
  expect([header.payloadOffset, header.payloadLength]).toEqual([36, 5]);
});

test("P6 length sweep 0..1500 of CSRC 15, X and P: never past the end", () => {
  const buffer = new Uint8Array(1_501);
  for (const first of [0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf]) {
    buffer.fill(4);
    buffer[0] = first;
    buffer[12 + 4 * (first & 15) + 2] = 0;
    for (let length = 0; length <= 1_500; length++) {
      const header = new RtpHeader();
      const read = readHeader(buffer, length, header);
      const extension = first & 0x10 ? 4 + 4 * 4 : 0;
      const shortest = 12 + 4 * (first & 15) + extension + (first & 0x20 ? 4 : 0);
      expect([first, length, read]).toEqual([first, length, length >= shortest]);
      if (!read) continue;
      expect(header.payloadOffset + header.payloadLength).toBe(length - (first & 0x20 ? 4 : 0));
    }
  }
  expect(readHeader(buffer.subarray(0, 20), 21, new RtpHeader())).toBe(false);
});

test("P6 an extension of 65535 words, padding of 0 and of 255, version 1 and 3", () => {
  const wrong = (change: (bytes: Uint8Array) => void) => {
    const bytes = Uint8Array.from(full);
    change(bytes);
    const header = new RtpHeader();
    header.ssrc = 77;
    expect(readHeader(bytes, bytes.length, header)).toBe(false);
    expect(header.ssrc).toBe(77);
  };
  wrong((bytes) => bytes.set([0xff, 0xff], 26));
  wrong((bytes) => bytes.set([0], full.length - 1));
  wrong((bytes) => bytes.set([255], full.length - 1));
  wrong((bytes) => bytes.set([9], full.length - 1));
  wrong((bytes) => bytes.set([0x73], 0));
  wrong((bytes) => bytes.set([0xf3], 0));
  wrong((bytes) => bytes.set([0xbf], 0));
  const allPadding = Uint8Array.from(full);
  allPadding[full.length - 1] = 8;
  const header = new RtpHeader();
  expect(readHeader(allPadding, full.length, header)).toBe(true);
  expect(header.payloadLength).toBe(0);
});

test("P6 mutated packets: the payload lies inside, and SRTP's view agrees", () => {
  const seed = runSeed("P6 RTP");
  const chance = seededChance(seed);
  const header = new RtpHeader();
  let read = 0;
  for (let count = mutations(200_000); count > 0; count--) {
    const bytes = mutate(full, chance);
    if (!readHeader(bytes, bytes.length, header)) continue;
    read += 1;
    const inside =
      header.payloadOffset === headerLength(bytes, bytes.length) &&
      header.payloadOffset >= 12 &&
      header.payloadLength >= 0 &&
      header.payloadOffset + header.payloadLength <= bytes.length;
    if (!inside) expect([seed, bytes.toHex()]).toEqual([seed, "inside"]);
  }
  expect(read).toBeGreaterThan(0);
});
