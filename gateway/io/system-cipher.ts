/**
 * AES-GCM by the system's OpenSSL (`libcrypto.so.3`), called directly where it is installed: two
 * contexts for a thread, keyed anew for each packet, in place of an object for each. Above: the
 * media worker. Below: the operating system.
 */
import { dlopen, type Pointer, ptr } from "bun:ffi";
import { GCM_TAG_BYTES } from "../crypto.ts";
import { nodeCipher, type OnPacket, type PacketCipher } from "../packet-cipher.ts";

const GET_TAG = 0x10;
const SET_TAG = 0x11;
const NONCE_BYTES = 12;

type Library = ReturnType<typeof openLibrary>;

function openLibrary() {
  return dlopen("libcrypto.so.3", {
    EVP_aes_128_gcm: { args: [], returns: "ptr" },
    EVP_aes_256_gcm: { args: [], returns: "ptr" },
    EVP_CIPHER_CTX_new: { args: [], returns: "ptr" },
    EVP_CIPHER_CTX_ctrl: { args: ["ptr", "i32", "i32", "ptr"], returns: "i32" },
    EVP_CipherInit_ex: { args: ["ptr", "ptr", "ptr", "ptr", "ptr", "i32"], returns: "i32" },
    EVP_CipherUpdate: { args: ["ptr", "ptr", "ptr", "ptr", "i32"], returns: "i32" },
    EVP_CipherFinal_ex: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  }).symbols;
}

/** Undefined where the library isn't there, or doesn't do as node:crypto does. */
export function openSystemCipher(): PacketCipher | undefined {
  if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) return undefined;
  try {
    const cipher = new SystemCipher(openLibrary());
    return isAsGood(cipher) ? cipher : undefined;
  } catch {
    return undefined;
  }
}

class SystemCipher implements PacketCipher {
  readonly #library: Library;
  readonly #context128: Pointer;
  readonly #context256: Pointer;
  /**
   * Where OpenSSL says how much it wrote. A field, so that it is there as long as its place is used:
   * a pointer keeps nothing from the collector. Its buffer first, so that it stays where it is.
   */
  readonly #written = new Int32Array(new ArrayBuffer(8));
  readonly #writtenAt = ptr(this.#written);

  constructor(library: Library) {
    this.#library = library;
    this.#context128 = contextOf(library, library.EVP_aes_128_gcm() as Pointer | null);
    this.#context256 = contextOf(library, library.EVP_aes_256_gcm() as Pointer | null);
  }

  readonly seal: OnPacket<void> = (key, nonce, additional, packet, from, to) => {
    const { EVP_CIPHER_CTX_ctrl: control, EVP_CipherFinal_ex: finish } = this.#library;
    if (!hasRoom(packet, from, to)) throw new RangeError("there is no room for the tag");
    const tag = (ptr(packet) + to) as Pointer;
    const context = this.#encrypt(key, nonce, additional, packet, from, to);
    const isSealed =
      context !== undefined &&
      finish(context, tag, this.#writtenAt) === 1 &&
      control(context, GET_TAG, GCM_TAG_BYTES, tag) === 1;
    if (!isSealed) throw new Error("OpenSSL could not seal a packet");
  };

  readonly open: OnPacket<boolean> = (key, nonce, additional, packet, from, to) => {
    const { EVP_CIPHER_CTX_ctrl: control, EVP_CipherFinal_ex: finish } = this.#library;
    if (!hasRoom(packet, from, to)) return false;
    const tag = (ptr(packet) + to) as Pointer;
    const context = this.#decrypt(key, nonce, additional, packet, from, to);
    if (context === undefined) return false;
    const isTold = control(context, SET_TAG, GCM_TAG_BYTES, tag) === 1;
    if (isTold && finish(context, tag, this.#writtenAt) === 1) return true;
    // The keystream once more: it is as it came, for whoever tries another key.
    this.#encrypt(key, nonce, additional, packet, from, to);
    return false;
  };

  /** The context, with the text done and the tag still to be looked at; undefined where it failed. */
  #crypting(direction: 0 | 1): OnPacket<Pointer | undefined> {
    return (key, nonce, additional, packet, from, to) => {
      const { EVP_CipherInit_ex: init, EVP_CipherUpdate: update } = this.#library;
      const context = key.length === 32 ? this.#context256 : this.#context128;
      const written = this.#writtenAt;
      const at = ptr(packet);
      const text = (at + from) as Pointer;
      const header = additional ? ptr(additional) : at;
      const headerBytes = additional ? additional.length : from;
      const isDone =
        init(context, null, null, ptr(key), ptr(nonce), direction) === 1 &&
        update(context, null, written, header, headerBytes) === 1 &&
        (to === from || update(context, text, written, text, to - from) === 1);
      return isDone ? context : undefined;
    };
  }

  readonly #decrypt = this.#crypting(0);
  readonly #encrypt = this.#crypting(1);
}

/** Whatever is written past a packet's end is somebody else's memory. */
function hasRoom(packet: Uint8Array, from: number, to: number): boolean {
  return from >= 0 && from <= to && to + GCM_TAG_BYTES <= packet.length;
}

function contextOf(library: Library, cipher: Pointer | null): Pointer {
  const context = library.EVP_CIPHER_CTX_new() as Pointer | null;
  const isReady =
    context !== null && library.EVP_CipherInit_ex(context, cipher, null, null, null, 1) === 1;
  if (!isReady) throw new Error("OpenSSL has no AES-GCM");
  return context;
}

/** Both ways, with each kind of key, and what was changed on the way. */
function isAsGood(cipher: PacketCipher): boolean {
  return [16, 32].every((keyBytes) => {
    const key = new Uint8Array(keyBytes).fill(keyBytes);
    const nonce = new Uint8Array(NONCE_BYTES).fill(3);
    const plain = Uint8Array.from({ length: 60 }, (_, index) => index);
    const [own, other] = [plain.slice(), plain.slice()];
    cipher.seal(key, nonce, undefined, own, 12, 40);
    nodeCipher.seal(key, nonce, undefined, other, 12, 40);
    if (own.toHex() !== other.toHex()) return false;
    const isOpened = cipher.open(key, nonce, undefined, own, 12, 40);
    other[20] = (other[20] ?? 0) ^ 1;
    const changed = other.toHex();
    const isRefused = !cipher.open(key, nonce, undefined, other, 12, 40);
    const isKept =
      other.toHex() === changed && own.subarray(0, 40).toHex() === plain.subarray(0, 40).toHex();
    return isOpened && isRefused && isKept;
  });
}
