/**
 * AES-GCM of a packet where it lies (RFC 7714): what SRTP does fifty times a second each way of each
 * call. node:crypto makes an object for every packet; a thread may be given a quicker one at its
 * start. Above: the SRTP transforms. Below: crypto.ts, or io/system-cipher.ts.
 */
import { GCM_TAG_BYTES, openGcm, sealGcm } from "./crypto.ts";

/**
 * Works on packet[from..to), with the tag behind it. The key's length selects AES-128 or AES-256, the
 * nonce has 12 bytes. `additional` is authenticated besides; undefined: what is before `from`.
 */
export type OnPacket<Result> = (
  key: Uint8Array,
  nonce: Uint8Array,
  additional: Uint8Array | undefined,
  packet: Uint8Array,
  from: number,
  to: number,
) => Result;

export interface PacketCipher {
  /** Encrypts, and writes the tag. Throws where there is no room for it. */
  readonly seal: OnPacket<void>;
  /** The reverse. False where it is not authentic: the packet is left as it was. */
  readonly open: OnPacket<boolean>;
}

/** By node:crypto: everywhere. */
export const nodeCipher: PacketCipher = {
  seal: (key, nonce, additional, packet, from, to) => {
    const header = additional ?? packet.subarray(0, from);
    sealGcm(key, nonce, header, packet.subarray(from, to), packet, from);
  },
  open: (key, nonce, additional, packet, from, to) => {
    const header = additional ?? packet.subarray(0, from);
    const tag = packet.subarray(to, to + GCM_TAG_BYTES);
    const plain = openGcm(key, nonce, header, packet.subarray(from, to), tag);
    if (plain) packet.set(plain, from);
    return plain !== undefined;
  },
};

let chosen = nodeCipher;

/** The quickest this thread has. */
export function packetCipher(): PacketCipher {
  return chosen;
}

/** Once, before the first packet: contexts keep what they were made with. */
export function choosePacketCipher(cipher: PacketCipher): void {
  chosen = cipher;
}
