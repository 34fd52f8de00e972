/** Records written and read, and each opened once: RFC 6347 §4.1. */
import { expect, test } from "bun:test";
import { concat } from "../../../../gateway/bytes.ts";
import {
  ContentType,
  type RawRecord,
  RecordOpener,
  RecordWriter,
  readRecords,
} from "../../../../gateway/media/dtls/record.ts";

const KEYS = {
  cipher: "gcm",
  key: new Uint8Array(16).fill(3),
  iv: new Uint8Array(4).fill(9),
} as const;
const CONTENT = Uint8Array.of(1, 2, 3, 4, 5);

/** So many records of epoch 1, numbered from zero. */
function sealed(count: number): RawRecord[] {
  const writer = new RecordWriter();
  writer.useKeys(KEYS);
  return Array.from({ length: count }, () => {
    const [record] = readRecords(writer.write(ContentType.handshake, 1, CONTENT));
    if (!record) throw new Error("our own record can't be read");
    return record;
  });
}

function at(records: readonly RawRecord[], index: number): RawRecord {
  const record = records[index];
  if (!record) throw new Error(`no record ${index}`);
  return record;
}

test("records of both epochs are numbered each for itself and read back", () => {
  const writer = new RecordWriter();
  writer.useKeys(KEYS);
  const datagram = concat(
    writer.write(ContentType.handshake, 0, CONTENT),
    writer.write(ContentType.changeCipherSpec, 0, Uint8Array.of(1)),
    writer.write(ContentType.alert, 1, CONTENT),
  );
  const records = readRecords(datagram);
  expect(records.map(({ type, epoch, sequence }) => [type, epoch, sequence])).toEqual([
    [22, 0, 0],
    [20, 0, 1],
    [21, 1, 0],
  ]);
  expect(records[0]?.fragment).toEqual(CONTENT);
  expect(records[2]?.fragment).toHaveLength(CONTENT.length + 24);
  const opened = new RecordOpener(KEYS).open(at(records, 2));
  expect(opened && new Uint8Array(opened)).toEqual(CONTENT);
});

test("reading stops at a record that is cut off or of an unknown version", () => {
  const good = new RecordWriter().write(ContentType.handshake, 0, CONTENT);
  for (let length = 0; length < good.length; length++) {
    expect(readRecords(good.subarray(0, length))).toEqual([]);
    expect(readRecords(concat(good, good.subarray(0, length)))).toHaveLength(1);
  }
  for (const [version, count] of [
    [0xfefd, 2],
    [0xfeff, 2],
    [0xfefc, 1],
    [0x0303, 1],
  ] as const) {
    const second = good.slice();
    second.set([version >> 8, version & 0xff], 1);
    expect(readRecords(concat(good, second))).toHaveLength(count);
  }
});

test("a sequence number of 48 bits is read whole", () => {
  const record = new RecordWriter().write(ContentType.handshake, 0, CONTENT);
  record.fill(0xff, 5, 11);
  expect(readRecords(record)[0]?.sequence).toBe(2 ** 48 - 1);
});

test("each record opens once, in any order within the window of 64", () => {
  const records = sealed(64);
  const opener = new RecordOpener(KEYS);
  for (const record of records.toReversed()) expect(opener.open(record)).toBeDefined();
  for (const record of records) expect(opener.open(record)).toBeUndefined();
});

test("a record 64 or more behind the newest is too old", () => {
  const records = sealed(300);
  const opener = new RecordOpener(KEYS);
  expect(opener.open(at(records, 100))).toBeDefined();
  expect(opener.open(at(records, 36))).toBeUndefined();
  expect(opener.open(at(records, 37))).toBeDefined();
  // A leap past the whole window forgets nothing it must know.
  expect(opener.open(at(records, 299))).toBeDefined();
  expect(opener.open(at(records, 100))).toBeUndefined();
  expect(opener.open(at(records, 236))).toBeDefined();
  expect(opener.open(at(records, 236))).toBeUndefined();
});

test("a forged record neither opens nor moves the window", () => {
  const records = sealed(101);
  const opener = new RecordOpener(KEYS);
  expect(opener.open({ ...at(records, 0), sequence: 2 ** 40 })).toBeUndefined();
  expect(opener.open({ ...at(records, 1), type: ContentType.alert })).toBeUndefined();
  expect(opener.open({ ...at(records, 1), epoch: 2 })).toBeUndefined();
  expect(opener.open({ ...at(records, 1), fragment: new Uint8Array(23) })).toBeUndefined();
  expect(opener.open({ ...at(records, 1), fragment: new Uint8Array(0) })).toBeUndefined();
  expect(opener.open(at(records, 0))).toBeDefined();
  expect(opener.open(at(records, 1))).toBeDefined();
});

test("RFC 7905: with ChaCha20 a record grows by its tag alone, and opens once", () => {
  const keys = {
    cipher: "chacha20",
    key: new Uint8Array(32).fill(3),
    iv: new Uint8Array(12).fill(9),
  } as const;
  const writer = new RecordWriter();
  writer.useKeys(keys);
  const opener = new RecordOpener(keys);
  for (let count = 0; count < 3; count++) {
    const [record] = readRecords(writer.write(ContentType.handshake, 1, CONTENT));
    if (!record) throw new Error("our own record can't be read");
    expect(record.fragment).toHaveLength(CONTENT.length + 16);
    expect(opener.open({ ...record, sequence: count + 7 })).toBeUndefined();
    expect(opener.open(record)).toEqual(CONTENT);
    expect(opener.open(record)).toBeUndefined();
    expect(opener.open({ ...record, fragment: record.fragment.subarray(0, 9) })).toBeUndefined();
  }
});
