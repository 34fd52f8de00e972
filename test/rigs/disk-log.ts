/**
 * What a program did to its files, read from strace: writes, and which of them it waited for. With it
 * a disk can be put together as it may stand after the power failed at any moment: what was synced
 * is there; of the rest some is, some isn't, and some is half there.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { SeededRandom } from "../sim/random.ts";

/** A disk writes whole sectors, bytes. */
const SECTOR = 512;
const STDOUT = "1";

export type DiskEvent =
  | {
      readonly type: "write";
      readonly file: string;
      readonly at: number;
      readonly bytes: Uint8Array;
    }
  | { readonly type: "truncate"; readonly file: string; readonly length: number }
  | { readonly type: "sync" | "unlink"; readonly file: string }
  | { readonly type: "said"; readonly text: string };

export const TRACED = "pwrite64,write,ftruncate,fsync,fdatasync,unlink";

/** Of strace's output with `-f -xx -y`: what was done to files in `directory`, in order. */
export function readDiskLog(text: string, directory: string): DiskEvent[] {
  const begun = new Map<string, string>();
  return text.split("\n").flatMap((line) => {
    const [, pid = "", rest = ""] = /^(?:\[pid +)?(\d+)?\]? *(.*)$/.exec(line) ?? [];
    if (rest.endsWith("<unfinished ...>")) {
      begun.set(pid, rest.slice(0, -"<unfinished ...>".length).trimEnd());
      return [];
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest)?.[1];
    const call = resumed === undefined ? rest : `${begun.get(pid) ?? ""}${resumed}`;
    return eventOf(call, directory) ?? [];
  });
}

function eventOf(call: string, directory: string): DiskEvent | undefined {
  const [, name, descriptor, place = "", more = ""] =
    /^(\w+)\((\d+)<([^>]*)>(.*)$/.exec(call) ?? /^(unlink)\(()"([^"]*)"(.*)$/.exec(call) ?? [];
  const path = unescaped(place).toString();
  const file = basename(path);
  if (name === "write" && descriptor === STDOUT) {
    return { type: "said", text: unescaped(/"([^"]*)"/.exec(more)?.[1] ?? "").toString() };
  }
  if (!path.startsWith(directory)) return undefined;
  switch (name) {
    case "pwrite64": {
      const [, hex = "", at = ""] = /"([^"]*)", \d+, (\d+)\)/.exec(more) ?? [];
      return { type: "write", file, at: Number(at), bytes: new Uint8Array(unescaped(hex)) };
    }
    case "ftruncate":
      return { type: "truncate", file, length: Number(/, (\d+)\)/.exec(more)?.[1]) };
    case "fsync":
    case "fdatasync":
      return { type: "sync", file };
    case "unlink":
      return { type: "unlink", file };
    default:
      return undefined;
  }
}

/** `\x2f\x74` is bytes, anything else is itself. */
function unescaped(text: string): Buffer {
  if (!text.startsWith("\\x")) return Buffer.from(text);
  return Buffer.from(text.replaceAll("\\x", ""), "hex");
}

type Change = Extract<DiskEvent, { type: "write" | "truncate" }>;

/** Files as they stand, and what was written to each since it was synced. */
export class Disk {
  readonly #synced = new Map<string, Uint8Array>();
  readonly #pending = new Map<string, Change[]>();
  readonly said: string[] = [];

  take(event: DiskEvent): void {
    switch (event.type) {
      case "said":
        this.said.push(...event.text.split("\n").filter((it) => it !== ""));
        break;
      case "sync":
        this.#synced.set(event.file, this.#with(event.file, this.#pending.get(event.file) ?? []));
        this.#pending.delete(event.file);
        break;
      case "unlink":
        this.#synced.delete(event.file);
        this.#pending.delete(event.file);
        break;
      default: {
        const before = this.#pending.get(event.file);
        if (before) before.push(event);
        else this.#pending.set(event.file, [event]);
      }
    }
  }

  /** The power fails now: of what nobody waited for, chance says what arrived. */
  cut(directory: string, random: SeededRandom): void {
    mkdirSync(directory, { recursive: true });
    for (const file of new Set([...this.#synced.keys(), ...this.#pending.keys()])) {
      const arrived = (this.#pending.get(file) ?? []).flatMap((change) => survivor(change, random));
      if (!this.#synced.has(file) && arrived.length === 0) continue;
      writeFileSync(join(directory, file), this.#with(file, arrived));
    }
  }

  #with(file: string, changes: readonly Change[]): Uint8Array {
    let bytes = new Uint8Array(this.#synced.get(file) ?? []);
    for (const change of changes) {
      const length =
        change.type === "truncate"
          ? change.length
          : Math.max(bytes.length, change.at + change.bytes.length);
      if (length !== bytes.length) {
        const resized = new Uint8Array(length);
        resized.set(bytes.subarray(0, Math.min(length, bytes.length)));
        bytes = resized;
      }
      if (change.type === "write") bytes.set(change.bytes, change.at);
    }
    return bytes;
  }
}

/** It arrived whole, in part, or not at all. */
function survivor(change: Change, random: SeededRandom): Change[] {
  const chance = random.below(10);
  if (chance < 4) return [];
  if (chance > 4 || change.type === "truncate") return [change];
  const sectors = Math.ceil(change.bytes.length / SECTOR);
  return [{ ...change, bytes: change.bytes.subarray(0, random.below(sectors) * SECTOR) }];
}
