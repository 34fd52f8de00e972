/**
 * Real UDP for a media worker: the port all its webrtc legs share, on each bind address, and a pair
 * of ports for each trunk leg. `Bun.udpSocket` binds before it returns, so opening needs no waiting.
 * Above: worker.ts, which hands the face on to the media plane. Below: the operating system.
 */
import { dlopen, ptr } from "bun:ffi";
import { isIPv6 } from "node:net";
import { MEDIA_DATAGRAM_BYTES_MAX, PORT_PAIR_ATTEMPTS_MAX } from "../limits.ts";
import type { Millis } from "../machine.ts";
import type { Endpoint } from "../media/protocol.ts";
import type { MediaSocket, Sockets, TrunkPair, TrunkReceiver } from "../media/sockets.ts";

/** A range of port pairs; an even port stands for itself and the next. */
export interface PortPairs {
  take(now: Millis): number | undefined;
  release(port: number, now: Millis): void;
  refuse(port: number, now: Millis): void;
}

type Receive = (datagram: Uint8Array, source: Endpoint, via: MediaSocket) => void;

export interface MediaSocketsOptions {
  bindAddresses: readonly string[];
  advertisedAddress?: string;
  /** 0 lets the operating system choose. */
  webrtcPort: number;
  pairs: PortPairs;
  now: () => Millis;
  /** A datagram to the shared port. */
  receiveWebRtc: Receive;
  /** Runs after each datagram to a trunk leg, which came at `now`. */
  afterTrunk: (now: Millis) => void;
}

export interface MediaSockets extends Sockets {
  readonly webrtcPort: number;
}

/** Opens the shared port; throws where it is taken. */
export function openMediaSockets(options: MediaSocketsOptions): MediaSockets {
  const { now, pairs } = options;
  const [bindAddress] = options.bindAddresses;
  if (bindAddress === undefined) throw new Error("There is no address to receive media on.");
  const advertise = (address: string) => options.advertisedAddress ?? address;

  let webrtcPort = options.webrtcPort;
  for (const address of options.bindAddresses) {
    webrtcPort = openSocket(address, webrtcPort, options.receiveWebRtc).port;
  }

  const openPair = (port: number, receiver: TrunkReceiver): TrunkPair | undefined => {
    let rtp: MediaSocket | undefined;
    try {
      rtp = openSocket(bindAddress, port, (datagram, source) => {
        const at = now();
        receiver.receiveRtp(datagram, source, at);
        options.afterTrunk(at);
      }).socket;
      const rtcp = openSocket(bindAddress, port + 1, (datagram, source) => {
        const at = now();
        receiver.receiveRtcp(datagram, source, at);
        options.afterTrunk(at);
      }).socket;
      const address = advertise(bindAddress);
      const rtpEndpoint = { address, port };
      const rtcpEndpoint = { address, port: port + 1 };
      const first = rtp;
      // The pair goes back when its RTP socket is closed; both are closed together.
      const closing: MediaSocket = {
        send: (buffer, length, destination) => first.send(buffer, length, destination),
        close: () => {
          first.close();
          pairs.release(port, now());
        },
      };
      return { rtp: closing, rtcp, rtpEndpoint, rtcpEndpoint };
    } catch {
      rtp?.close();
      return undefined;
    }
  };

  return {
    webrtcPort,
    candidates: [...new Set(options.bindAddresses.map((address) => advertise(address)))].map(
      (address) => ({ address, port: webrtcPort }),
    ),
    openTrunkPair(receiver, at) {
      for (let attempt = 0; attempt < PORT_PAIR_ATTEMPTS_MAX; attempt++) {
        const port = pairs.take(at);
        if (port === undefined) return undefined;
        const pair = openPair(port, receiver);
        if (pair) return pair;
        pairs.refuse(port, at);
      }
      return undefined;
    },
  };
}

/** Throws where the port can't be bound. */
function openSocket(
  hostname: string,
  port: number,
  receive: Receive,
): { socket: MediaSocket; port: number } {
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
        receive(datagram, source, socket);
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
  const socket: MediaSocket = {
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
  setOptions((udp as unknown as { fd?: number }).fd, isIPv6(hostname));
  return { socket, port: udp.port };
}

// Numbers of Linux's socket options.
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const IPPROTO_IP = 0;
const IP_TOS = 1;
const IPPROTO_IPV6 = 41;
const IPV6_TCLASS = 67;
/** DSCP 46 (expedited forwarding, RFC 3246), in the upper six bits. */
const EXPEDITED_FORWARDING = 46 << 2;
/** A tenth of a second of a thousand calls. */
const RECEIVE_BUFFER_BYTES = 1_048_576;

type SetOption = (fd: number, level: number, option: number, value: number) => void;

let setOption: SetOption | undefined;

/** OPS-06. Where the system doesn't let us, packets go unmarked. */
function setOptions(fd: number | undefined, ipv6: boolean): void {
  if (fd === undefined || fd < 0 || process.platform !== "linux") return;
  setOption ??= loadSetOption();
  setOption(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER_BYTES);
  if (ipv6) setOption(fd, IPPROTO_IPV6, IPV6_TCLASS, EXPEDITED_FORWARDING);
  else setOption(fd, IPPROTO_IP, IP_TOS, EXPEDITED_FORWARDING);
}

function loadSetOption(): SetOption {
  const value = new Int32Array(1);
  try {
    const { symbols } = dlopen("libc.so.6", {
      setsockopt: { args: ["int", "int", "int", "ptr", "u32"], returns: "int" },
    });
    return (fd, level, option, number) => {
      value[0] = number;
      symbols.setsockopt(fd, level, option, ptr(value), 4);
    };
  } catch {
    return () => {};
  }
}
