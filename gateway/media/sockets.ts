/**
 * The sockets a media session uses, as it sees them: faces the worker implements with real UDP and
 * tests with a simulated network. Above: sessions and legs. Below: the operating system.
 */
import type { Millis } from "../machine.ts";
import type { Endpoint } from "./protocol.ts";

export interface MediaSocket {
  /** Sends buffer[0..length) now; the buffer is the caller's again when this returns. */
  send(buffer: Uint8Array, length: number, destination: Endpoint): void;
  close(): void;
}

/** Whoever a trunk leg's two sockets deliver to. */
export interface TrunkReceiver {
  /** A datagram to the RTP port. `datagram` and `source` are only lent for the call. */
  receiveRtp(datagram: Uint8Array, source: Endpoint, now: Millis): void;
  receiveRtcp(datagram: Uint8Array, source: Endpoint, now: Millis): void;
}

export interface TrunkPair {
  rtp: MediaSocket;
  rtcp: MediaSocket;
  /** What the SDP says: the advertised address, an even port and the next. */
  rtpEndpoint: Endpoint;
  rtcpEndpoint: Endpoint;
  /** Where the sockets are bound, for peers of our own networks; absent where that is advertised. */
  interfaceAddress?: string;
}

export interface Sockets {
  /**
   * Opens an RTP/RTCP pair at that address of this machine, or the first; undefined where the range
   * holds no free pair.
   */
  openTrunkPair(receiver: TrunkReceiver, now: Millis, bindAddress?: string): TrunkPair | undefined;
  /** Host candidates of the port all webrtc legs share, best first. */
  readonly candidates: readonly Endpoint[];
}

export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.address === b.address;
}

/** A copy to keep: endpoints handed to a receive path are reused for the next packet. */
export function copyEndpoint(endpoint: Endpoint): Endpoint {
  return { address: endpoint.address, port: endpoint.port };
}
