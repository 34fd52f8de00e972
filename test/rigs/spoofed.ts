/** Datagrams with somebody else's source, by a raw socket (raw(7)): needs CAP_NET_RAW; loopback alone. */
import { dlopen, ptr } from "bun:ffi";

const AF_INET = 2;
const SOCK_RAW = 3;
/** With it the IP header is ours to write. */
const IPPROTO_RAW = 255;
const UDP = 17;
const IP_HEADER_BYTES = 20;
const UDP_HEADER_BYTES = 8;

interface Place {
  /** IPv4, of 127.0.0.0/8. */
  readonly address: string;
  readonly port: number;
}

export class Spoofer {
  readonly #libc = dlopen("libc.so.6", {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
    close: { args: ["i32"], returns: "i32" },
  });
  readonly #descriptor: number;

  constructor() {
    this.#descriptor = this.#libc.symbols.socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    if (this.#descriptor < 0) throw new Error("there is no raw socket to be had");
  }

  /** Throws where the kernel doesn't take it. */
  send(text: string, from: Place, to: Place): void {
    const payload = new TextEncoder().encode(text);
    const packet = new Uint8Array(
      new ArrayBuffer(IP_HEADER_BYTES + UDP_HEADER_BYTES + payload.length),
    );
    const view = new DataView(packet.buffer);
    // Length, identification and checksum of the IP header are the kernel's to fill in.
    view.setUint8(0, 0x45);
    view.setUint8(8, 64);
    view.setUint8(9, UDP);
    packet.set(octets(from.address), 12);
    packet.set(octets(to.address), 16);
    view.setUint16(20, from.port);
    view.setUint16(22, to.port);
    view.setUint16(24, UDP_HEADER_BYTES + payload.length);
    packet.set(payload, IP_HEADER_BYTES + UDP_HEADER_BYTES);
    const address = new DataView(new ArrayBuffer(16));
    address.setUint16(0, AF_INET, true);
    octets(to.address).forEach((octet, index) => {
      address.setUint8(4 + index, octet);
    });
    const { sendto } = this.#libc.symbols;
    const sent = sendto(this.#descriptor, ptr(packet), packet.length, 0, ptr(address), 16);
    if (Number(sent) !== packet.length) throw new Error("the kernel didn't take the datagram");
  }

  close(): void {
    this.#libc.symbols.close(this.#descriptor);
    this.#libc.close();
  }
}

/** Whether this machine lets us: Linux, with the capability, whoever we are. */
export const canSpoof = process.platform === "linux" && opens();

function opens(): boolean {
  try {
    new Spoofer().close();
    return true;
  } catch {
    return false;
  }
}

function octets(address: string): number[] {
  return address.split(".").map(Number);
}
