/**
 * One UDP socket of Bun's, for media: opened at once, marked for expedited forwarding, with room
 * for a burst. Above: media-sockets.ts, which may read and write it past Bun. Below: the operating
 * system.
 */
import { dlopen, ptr } from "bun:ffi";
import { isIPv6 } from "node:net";
import { MEDIA_DATAGRAM_BYTES_MAX } from "../limits.ts";
import type { Endpoint } from "../media/protocol.ts";
import type { MediaSocket } from "../media/sockets.ts";

export interface UdpSocket extends MediaSocket {
  readonly port: number;
  /** The operating system's number for it; -1 where Bun doesn't tell. */
  readonly descriptor: number;
}

/** Throws where the port can't be bound. */
export function openUdpSocket(
  hostname: string,
  port: number,
  receive: (datagram: Uint8Array, source: Endpoint) => void,
): UdpSocket {
  /** Reused for each datagram: whoever keeps it makes a copy. */
  const source: Endpoint = { address: "", port: 0 };
  let closed = false;
  const opening = Bun.udpSocket({
    hostname,
    port,
    socket: {
      data: (_, datagram, remotePort, remoteAddress) => {
        if (closed || datagram.length > MEDIA_DATAGRAM_BYTES_MAX) return;
        source.address = remoteAddress;
        source.port = remotePort;
        receive(datagram, source);
      },
      // An ICMP refusal of what was sent: the peer isn't there yet, or no longer.
      error: () => {},
    },
  });
  const udp = Bun.peek(opening);
  if (udp instanceof Promise) {
    opening.then((late) => late.close()).catch(() => {});
    throw new Error("A UDP socket was not open at once.");
  }
  const descriptor = (udp as unknown as { fd?: number }).fd ?? -1;
  setOptions(descriptor, isIPv6(hostname));
  return {
    port: udp.port,
    descriptor,
    send: (buffer, length, destination) => {
      if (closed) return;
      const datagram = length === buffer.length ? buffer : buffer.subarray(0, length);
      try {
        udp.send(datagram, destination.port, destination.address);
      } catch {
        // No route, or an address of the other family: as lost as any datagram may be.
      }
    },
    close: () => {
      if (closed) return;
      closed = true;
      udp.close();
    },
  };
}

// Numbers of Linux's socket options.
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const IPPROTO_IP = 0;
const IP_TOS = 1;
const IP_RECVERR = 11;
const IPPROTO_IPV6 = 41;
const IPV6_RECVERR = 25;
const IPV6_TCLASS = 67;
/** DSCP 46 (expedited forwarding, RFC 3246), in the upper six bits. */
const EXPEDITED_FORWARDING = 46 << 2;
/** A tenth of a second of a thousand calls. */
const RECEIVE_BUFFER_BYTES = 1_048_576;

type SetOption = (descriptor: number, level: number, option: number, value: number) => void;

let setOption: SetOption | undefined;

/** OPS-06. Where the system doesn't let us, packets go unmarked. */
function setOptions(descriptor: number, ipv6: boolean): void {
  if (descriptor < 0 || process.platform !== "linux") return;
  setOption ??= loadSetOption();
  setOption(descriptor, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_BYTES);
  // One peer's refusal would be reported by the next datagram to another, which would be lost.
  setOption(descriptor, IPPROTO_IP, IP_RECVERR, 0);
  if (ipv6) setOption(descriptor, IPPROTO_IPV6, IPV6_RECVERR, 0);
  if (ipv6) setOption(descriptor, IPPROTO_IPV6, IPV6_TCLASS, EXPEDITED_FORWARDING);
  else setOption(descriptor, IPPROTO_IP, IP_TOS, EXPEDITED_FORWARDING);
}

function loadSetOption(): SetOption {
  const value = new Int32Array(1);
  try {
    const { symbols } = dlopen("libc.so.6", {
      setsockopt: { args: ["int", "int", "int", "ptr", "u32"], returns: "int" },
    });
    return (descriptor, level, option, number) => {
      value[0] = number;
      symbols.setsockopt(descriptor, level, option, ptr(value), 4);
    };
  } catch {
    return () => {};
  }
}
