import { expect, test } from "bun:test";
import { JitDump } from "../../../../bench/profile/jit-dump.ts";
import { layersOf } from "../../../../bench/profile/layers.ts";

interface Code {
  start: number;
  size: number;
  name: string;
}

/** As JavaScriptCore writes it; a record of another kind stands before each. */
function dumpOf(code: readonly Code[]): Uint8Array {
  const records = code.flatMap(({ start, size, name }) => {
    const text = new TextEncoder().encode(`${name}\0`);
    const record = new DataView(new ArrayBuffer(56 + text.length));
    record.setUint32(4, record.byteLength, true);
    record.setBigUint64(32, BigInt(start), true);
    record.setBigUint64(40, BigInt(size), true);
    new Uint8Array(record.buffer).set(text, 56);
    const other = new DataView(new ArrayBuffer(24));
    other.setUint32(0, 2, true);
    other.setUint32(4, 24, true);
    return [new Uint8Array(other.buffer), new Uint8Array(record.buffer)];
  });
  const header = new DataView(new ArrayBuffer(40));
  header.setUint32(8, 40, true);
  return Buffer.concat([new Uint8Array(header.buffer), ...records]);
}

const dump = new JitDump(
  dumpOf([
    { start: 0x7000, size: 0x100, name: "JSC-FTL: protectRtp#C48qsO" },
    { start: 0x1000, size: 0x100, name: "JSC-WasmOMG: .wasm-function[0]#g722" },
    { start: 0x2000, size: 0x100, name: "JSC-WasmOMG: .wasm-function[0]#opus" },
    { start: 0x3000, size: 0x100, name: "JSC-FTL: receive#AAAAAA" },
    { start: 0x4000, size: 0x100, name: "JSC-FTL: #send#BBBBBB" },
  ]),
);

test("an address belongs to the function it lies in, and to none between", () => {
  expect(dump.nameAt(0x7000)).toContain("protectRtp");
  expect(dump.nameAt(0x10ff)).toContain("g722");
  expect(dump.nameAt(0x1100)).toBeUndefined();
  expect(dump.nameAt(0x10)).toBeUndefined();
});

test("a dump that is cut off gives what is whole", () => {
  const bytes = dumpOf([
    { start: 1, size: 9, name: "first" },
    { start: 100, size: 9, name: "second" },
  ]);
  const cut = new JitDump(bytes.subarray(0, bytes.length - 3));
  expect(cut.names).toEqual(["first"]);
});

test("samples by layer, from the innermost frame outwards", () => {
  const sample = (thread: string, ...frames: string[]) =>
    [`${thread} `, ...frames.map((frame) => `\t${frame}`)].join("\n");
  const script = [
    sample("Worker", "1010 (/tmp/perf.map)", "3010 (/tmp/perf.map)"),
    sample("Worker", "2010 (/tmp/perf.map)"),
    sample("Worker", "9999 (/usr/bin/bun)", "7010 (/tmp/perf.map)", "3010 (/tmp/perf.map)"),
    sample("Worker", "ffffffff81000130 ([kernel.kallsyms])", "4010 (/tmp/perf.map)"),
    sample("Worker", "9999 (/usr/bin/bun)", "4010 (/tmp/perf.map)"),
    sample("Worker", "9999 (/usr/bin/bun)"),
    sample("Worker", "3010 (/tmp/perf.map)"),
    sample("JITWorker", "9999 (/usr/bin/bun)"),
    sample("bun.exe", "9999 (/usr/bin/bun)"),
  ].join("\n\n");
  const layers = layersOf(script, dump, (name) => name.endsWith("#g722"));
  expect(Object.fromEntries(layers)).toEqual({
    "G.722": 1,
    Opus: 1,
    SRTP: 1,
    "UDP in the kernel": 1,
    "UDP and event loop in Bun": 2,
    JavaScript: 1,
    "compiler and collector": 1,
    "main thread": 1,
  });
});
