/**
 * JavaScriptCore's JIT dump (the format of Linux's jitdump-specification.txt): which function the
 * code at an address belongs to. Above: layers.ts. Below nothing.
 */

const HEADER_BYTES_AT = 8;
const RECORD_HEADER_BYTES = 16;
const CODE_LOAD = 0;
/** pid and tid, then four addresses and sizes of 64 bits; the name follows. */
const CODE_ADDRESS_AT = 32;
const CODE_SIZE_AT = 40;
const NAME_AT = 56;
/** Code is thrown away and its place used again: so far back an older function may still lie. */
const OVERLAPS_MAX = 8;

interface Code {
  readonly start: number;
  readonly end: number;
  readonly name: string;
}

export class JitDump {
  readonly #code: Code[] = [];

  /** What is cut off in the middle, as where the process still writes, is left out. */
  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const address = (at: number) => Number(view.getBigUint64(at, true));
    let at = bytes.length > 12 ? view.getUint32(HEADER_BYTES_AT, true) : bytes.length;
    while (at + RECORD_HEADER_BYTES <= bytes.length) {
      const size = view.getUint32(at + 4, true);
      if (size < RECORD_HEADER_BYTES || at + size > bytes.length) break;
      if (view.getUint32(at, true) === CODE_LOAD) {
        const start = address(at + CODE_ADDRESS_AT);
        const nameEnd = bytes.indexOf(0, at + NAME_AT);
        const name = new TextDecoder("latin1").decode(bytes.subarray(at + NAME_AT, nameEnd));
        this.#code.push({ start, end: start + address(at + CODE_SIZE_AT), name });
      }
      at += size;
    }
    this.#code.sort((a, b) => a.start - b.start);
  }

  get names(): string[] {
    return this.#code.map(({ name }) => name);
  }

  /** As in `JSC-FTL: protectRtp#C48qsO`; undefined for an address of no such code. */
  nameAt(address: number): string | undefined {
    let [low, high] = [0, this.#code.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#code[middle]?.start ?? 0) <= address) low = middle + 1;
      else high = middle;
    }
    for (let at = low - 1; at >= Math.max(0, low - OVERLAPS_MAX); at--) {
      const code = this.#code[at];
      if (code && address < code.end) return code.name;
    }
    return undefined;
  }
}
