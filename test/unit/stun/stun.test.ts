import { expect, test } from "bun:test";
import { concat, utf8 } from "../../../gateway/bytes.ts";
import { addressBytes, addressText } from "../../../gateway/stun/address.ts";
import {
  BINDING,
  integrityIsRight,
  isStun,
  PRIORITY,
  readStun,
  USE_CANDIDATE,
  USERNAME,
  ufragOf,
} from "../../../gateway/stun/stun.ts";
import { StunWriter } from "../../../gateway/stun/stun-writer.ts";
import vectors from "../../vectors/rfc5769.json";
import { mutate, mutations, repairedStun, runSeed, seededChance } from "../media/chance.ts";

for (const vector of vectors) {
  test(`P5 RFC 5769 ${vector.name}`, () => {
    const datagram = Uint8Array.fromHex(vector.hex);
    const message = readStun(datagram);
    if (!message) throw new Error("not read");
    const key = vector.key.md5 ? Uint8Array.fromHex(vector.key.md5) : utf8(vector.key.password);
    expect(integrityIsRight(datagram, message, key)).toBe(vector.integrity_ok);
    expect(integrityIsRight(datagram, message, utf8("another"))).toBe(false);
    expect(message.fingerprint).toBe(vector.fingerprint_ok === null ? "absent" : "right");
    expect(message.method).toBe(BINDING);
    expect(message.notUnderstood).toEqual([]);
  });
}

test.each(vectors)("reading $name leaves it as it came, in a Buffer as well", (vector) => {
  const datagram = Buffer.from(vector.hex, "hex");
  const message = readStun(datagram);
  if (!message) throw new Error("not read");
  const key = vector.key.md5 ? Uint8Array.fromHex(vector.key.md5) : utf8(vector.key.password);
  expect(integrityIsRight(datagram, message, key)).toBe(vector.integrity_ok);
  expect(message.fingerprint).not.toBe("wrong");
  expect(datagram.toString("hex")).toBe(vector.hex);
});

function vectorNamed(part: string): Uint8Array {
  return Uint8Array.fromHex(vectors.find(({ name }) => name.includes(part))?.hex ?? "");
}

test("the request of RFC 5769 §2.1 says what the RFC says", () => {
  const message = readStun(vectorNamed("2.1"));
  expect(message).toMatchObject({
    class: "request",
    username: "evtj:h6vY",
    priority: 0x6e0001ff,
    role: "controlled",
    useCandidate: false,
  });
  expect(ufragOf(vectorNamed("2.1"))).toBe("evtj");
});

test("the mapped addresses of RFC 5769 §2.2 and §2.3", () => {
  expect(readStun(vectorNamed("2.2"))).toMatchObject({
    class: "success",
    xorMappedAddress: { address: "192.0.2.1", port: 32853 },
  });
  expect(readStun(vectorNamed("2.3"))?.xorMappedAddress).toEqual({
    address: "2001:db8:1234:5678:11:2233:4455:6677",
    port: 32853,
  });
});

test("the writer makes RFC 5769 §2.2 from its parts, but for the padding's value", () => {
  const vector = vectorNamed("2.2");
  const out = new Uint8Array(200);
  const written = new StunWriter(out)
    .start("success", BINDING, vector.subarray(8, 20))
    .text(0x8022, "test vector")
    .xorMappedAddress({ address: "192.0.2.1", port: 32853 })
    .integrity(utf8("VOkJxbRl1RmTxUk/WvJxBt"))
    .fingerprint()
    .finish();
  // The RFC pads with a space (at 35), we with zero: up to the codes over it, all is the same.
  const expected = Uint8Array.from(vector.subarray(0, 48));
  expected[35] = 0;
  expect(written.length).toBe(vector.length);
  expect(written.subarray(0, 48).toHex()).toBe(expected.toHex());
  const message = readStun(written);
  expect(message?.fingerprint).toBe("right");
  expect(message && integrityIsRight(written, message, utf8("VOkJxbRl1RmTxUk/WvJxBt"))).toBe(true);
});

test("errors and unknown attributes are read as written", () => {
  const written = new StunWriter(new Uint8Array(200))
    .start("error", BINDING, new Uint8Array(12))
    .errorCode(420, "Unknown Attribute")
    .unknownAttributes([0x7fff, 0x0002])
    .xorMappedAddress({ address: "::ffff:198.51.100.7", port: 1 })
    .finish();
  expect(readStun(written)).toMatchObject({
    class: "error",
    errorCode: 420,
    unknownAttributes: [0x7fff, 0x0002],
    xorMappedAddress: { address: "198.51.100.7", port: 1 },
  });
});

test("every class and method survives writing and reading", () => {
  for (const messageClass of ["request", "indication", "success", "error"] as const) {
    for (const method of [0x001, 0x003, 0x00f, 0x010, 0x080, 0x555, 0xfff]) {
      const written = new StunWriter(new Uint8Array(20))
        .start(messageClass, method, new Uint8Array(12))
        .finish();
      expect(readStun(written)).toMatchObject({ class: messageClass, method });
    }
  }
});

test("attributes after MESSAGE-INTEGRITY do not count, RFC 8489 §14.5", () => {
  const writer = new StunWriter(new Uint8Array(200));
  const datagram = writer
    .start("request", BINDING, new Uint8Array(12))
    .text(USERNAME, "abcd:efgh")
    .integrity(utf8("password"))
    .bytes(USE_CANDIDATE, new Uint8Array(0))
    .fingerprint()
    .finish();
  const message = readStun(datagram);
  expect(message?.useCandidate).toBe(false);
  expect(message && integrityIsRight(datagram, message, utf8("password"))).toBe(true);
});

test("the first of two equal attributes counts, and unknown required ones are listed", () => {
  const datagram = new StunWriter(new Uint8Array(200))
    .start("request", BINDING, new Uint8Array(12))
    .uint32(PRIORITY, 7)
    .uint32(PRIORITY, 8)
    .bytes(0x7001, new Uint8Array(3))
    .bytes(0xf001, new Uint8Array(3))
    .finish();
  expect(readStun(datagram)).toMatchObject({ priority: 7, notUnderstood: [0x7001] });
});

test("P5 malformed attributes are refused", () => {
  const start = () =>
    new StunWriter(new Uint8Array(400)).start("request", BINDING, new Uint8Array(12));
  const malformed = {
    "fingerprint not last": start().fingerprint().uint32(PRIORITY, 1).finish(),
    "fingerprint of 3 bytes": start().bytes(0x8028, new Uint8Array(3)).finish(),
    "integrity of 16 bytes": start().bytes(0x0008, new Uint8Array(16)).finish(),
    "priority of 8 bytes": start().bytes(PRIORITY, new Uint8Array(8)).finish(),
    "address of family 3": start()
      .bytes(0x0020, Uint8Array.of(0, 3, 0, 1, 1, 2, 3, 4))
      .finish(),
    "error 299": start()
      .bytes(0x0009, Uint8Array.of(0, 0, 2, 99))
      .finish(),
    "username of 300 words": start().bytes(USERNAME, new Uint8Array(300)).finish(),
  };
  // The last is legal: the bound of §14.3 is 513 bytes.
  const { "username of 300 words": legal, ...wrong } = malformed;
  expect(readStun(legal)).toBeDefined();
  for (const [name, datagram] of Object.entries(wrong)) {
    expect([name, readStun(datagram)]).toEqual([name, undefined]);
  }
});

test("P5 length sweep 0..1500 of three messages: only the true length is read", () => {
  for (const vector of [vectorNamed("2.1"), vectorNamed("2.2"), vectorNamed("2.4")]) {
    const long = concat(vector, new Uint8Array(1_501 - vector.length));
    for (let length = 0; length <= 1_500; length++) {
      const datagram = long.subarray(0, length);
      expect(readStun(datagram) !== undefined).toBe(length === vector.length);
      expect(isStun(datagram)).toBe(length === vector.length);
    }
  }
});

test("P5 attribute lengths that run past the end, and loops of empty attributes", () => {
  for (let length = 0; length <= 0xffff; length += 13) {
    const datagram = Uint8Array.from(vectorNamed("2.1"));
    datagram[22] = length >> 8;
    datagram[23] = length;
    readStun(datagram);
    ufragOf(datagram);
  }
  const writer = new StunWriter(new Uint8Array(1_500)).start("request", 1, new Uint8Array(12));
  for (let count = 0; count < 370; count++) writer.bytes(0xf000, new Uint8Array(0));
  expect(readStun(writer.finish())?.notUnderstood).toEqual([]);
});

test("P5 mutations neither throw nor keep a right integrity", () => {
  const seed = runSeed("P5 STUN");
  const chance = seededChance(seed);
  const key = utf8("VOkJxbRl1RmTxUk/WvJxBt");
  // Without the FINGERPRINT, which would hide nearly every change.
  const original = repairedStun(vectorNamed("2.1").subarray(0, 100));
  const covered = (datagram: Uint8Array) =>
    datagram.subarray(0, 2).toHex() + datagram.subarray(4, 76).toHex();
  let read = 0;
  for (let count = mutations(100_000); count > 0; count--) {
    const mutated = mutate(original, chance);
    const datagram = chance() < 0.2 ? mutated : repairedStun(mutated);
    ufragOf(datagram);
    const message = readStun(datagram);
    if (!message) continue;
    read += 1;
    if (integrityIsRight(datagram, message, key)) {
      expect([seed, message.integrityOffset, covered(datagram)]).toEqual([
        seed,
        76,
        covered(original),
      ]);
    }
  }
  expect(read).toBeGreaterThan(mutations(100_000) / 5);
});

test("IP literals to bytes and back", () => {
  for (const literal of [
    "0.0.0.0",
    "203.0.113.9",
    "::",
    "::1",
    "fe80::1",
    "2001:db8::1:0:0:1",
    "1:2:3:4:5:6:7:8",
  ]) {
    const bytes = addressBytes(literal);
    expect(bytes && addressText(bytes)).toBe(literal);
  }
  expect(addressBytes("fe80::1%eth0")).toEqual(addressBytes("fe80::1"));
  expect(addressBytes("::ffff:10.0.0.1")).toEqual(Uint8Array.of(10, 0, 0, 1));
  for (const wrong of [
    "",
    "1.2.3",
    "1.2.3.256",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "g::",
    "1:2:3:4:5:6:7:8:9",
    "host.example",
  ]) {
    expect([wrong, addressBytes(wrong)]).toEqual([wrong, undefined]);
  }
});
