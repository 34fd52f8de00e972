/**
 * Linux's `struct sockaddr_in` and `sockaddr_in6`, to and from the endpoints media speaks of. Both
 * ways remember what they made: a call's packets come from one address and go to one, and neither
 * a string nor an object is made for a packet. An IPv4-mapped IPv6 address is told as IPv4, as SDP
 * and ICE have it. Above: datagram-poll.ts. Below nothing but memory.
 */
import { ptr } from "bun:ffi";
import { parseAddress, printAddress } from "../address.ts";
import { SOCKET_ADDRESSES_KEPT } from "../limits.ts";
import type { Endpoint } from "../media/protocol.ts";

/** The longer of the two structures. */
export const SOCKET_ADDRESS_BYTES = 28;
/** The structure's, and the address's in it. */
const IPV4_BYTES = 16;
const IPV6_BYTES = 16;
const AF_INET = 2;
const AF_INET6 = 10;
const IPV4_OFFSET = 4;
const IPV6_OFFSET = 8;

/** An address ready for the kernel; its port is set for each datagram. */
export interface SocketAddress {
  readonly bytes: Uint8Array;
  readonly pointer: number;
  readonly sizeBytes: number;
}

/** Where datagrams go. */
export class Destinations {
  readonly #known = new Map<string, SocketAddress>();

  /** Undefined where the endpoint's address is no IP literal. Valid until the next call. */
  of(endpoint: Endpoint): SocketAddress | undefined {
    const address = this.#known.get(endpoint.address) ?? this.#add(endpoint.address);
    if (!address) return undefined;
    address.bytes[2] = endpoint.port >> 8;
    address.bytes[3] = endpoint.port;
    return address;
  }

  #add(text: string): SocketAddress | undefined {
    const parsed = parseAddress(text);
    if (!parsed) return undefined;
    const isIpv4 = parsed.family === 4;
    // Over a buffer of its own: JavaScriptCore moves a short array that has none (datagram-poll.ts).
    const bytes = new Uint8Array(new ArrayBuffer(SOCKET_ADDRESS_BYTES));
    bytes[0] = isIpv4 ? AF_INET : AF_INET6;
    const hex = parsed.value.toString(16).padStart(isIpv4 ? 8 : 32, "0");
    bytes.set(Uint8Array.fromHex(hex), isIpv4 ? IPV4_OFFSET : IPV6_OFFSET);
    const sizeBytes = isIpv4 ? IPV4_BYTES : SOCKET_ADDRESS_BYTES;
    const address = { bytes, pointer: Number(ptr(bytes)), sizeBytes };
    if (this.#known.size >= SOCKET_ADDRESSES_KEPT) this.#known.clear();
    this.#known.set(text, address);
    return address;
  }
}

/** Where datagrams came from. */
export class Sources {
  readonly #ipv4 = new Map<number, Endpoint>();
  /** By a number made of address and port, which two may share: the later one has the place. */
  readonly #ipv6 = new Map<number, Ipv6Source>();

  /** The endpoint of the structure at `offset`; the same object for the same endpoint. */
  at(bytes: Uint8Array, offset: number): Endpoint {
    const port = ((bytes[offset + 2] ?? 0) << 8) | (bytes[offset + 3] ?? 0);
    if (bytes[offset] !== AF_INET) return this.#ipv6At(bytes, offset + IPV6_OFFSET, port);
    const high = ((bytes[offset + 4] ?? 0) << 8) | (bytes[offset + 5] ?? 0);
    const low = ((bytes[offset + 6] ?? 0) << 8) | (bytes[offset + 7] ?? 0);
    const key = (high * 0x1_0000 + low) * 0x1_0000 + port;
    const known = this.#ipv4.get(key);
    if (known) return known;
    const value = BigInt(high * 0x1_0000 + low);
    return keep(this.#ipv4, key, { address: printAddress({ family: 4, value }), port });
  }

  #ipv6At(bytes: Uint8Array, offset: number, port: number): Endpoint {
    let key = port;
    for (let index = 0; index < IPV6_BYTES; index++) {
      key = (Math.imul(key, 31) + (bytes[offset + index] ?? 0)) | 0;
    }
    const known = this.#ipv6.get(key);
    if (known && isAt(known, bytes, offset, port)) return known.endpoint;
    const address = bytes.slice(offset, offset + IPV6_BYTES);
    const text = printAddress({ family: 6, value: BigInt(`0x${address.toHex()}`) });
    const parsed = parseAddress(text);
    const endpoint = { address: parsed ? printAddress(parsed) : text, port };
    return keep(this.#ipv6, key, { address, endpoint }).endpoint;
  }
}

interface Ipv6Source {
  readonly address: Uint8Array;
  readonly endpoint: Endpoint;
}

function isAt(known: Ipv6Source, bytes: Uint8Array, offset: number, port: number): boolean {
  if (known.endpoint.port !== port) return false;
  for (let index = 0; index < IPV6_BYTES; index++) {
    if (known.address[index] !== bytes[offset + index]) return false;
  }
  return true;
}

function keep<Value>(known: Map<number, Value>, key: number, value: Value): Value {
  if (known.size >= SOCKET_ADDRESSES_KEPT) known.clear();
  known.set(key, value);
  return value;
}
