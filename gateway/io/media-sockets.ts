/**
 * Real UDP for a media worker: the port all its webrtc legs share, on each bind address, and a pair
 * of ports for each trunk leg. `Bun.udpSocket` binds before it returns, so opening needs no waiting.
 * Above: worker.ts, which hands the face on to the media plane. Below: the operating system.
 */
import { PORT_PAIR_ATTEMPTS_MAX } from "../limits.ts";
import type { Millis } from "../machine.ts";
import type { Endpoint } from "../media/protocol.ts";
import type { MediaSocket, Sockets, TrunkPair, TrunkReceiver } from "../media/sockets.ts";
import type { DatagramPoll } from "./datagram-poll.ts";
import { openUdpSocket, type UdpSocket } from "./udp-socket.ts";

/** A range of port pairs; an even port stands for itself and the next. */
export interface PortPairs {
  take(now: Millis): number | undefined;
  release(port: number, now: Millis): void;
  refuse(port: number, now: Millis): void;
}

type Receive = (datagram: Uint8Array, source: Endpoint, via: MediaSocket, now: Millis) => void;

export interface MediaSocketsOptions {
  bindAddresses: readonly string[];
  advertisedAddress?: string;
  /** 0 lets the operating system choose. */
  webrtcPort: number;
  pairs: PortPairs;
  now: () => Millis;
  /** A datagram to the shared port. */
  receiveWebRtc: Receive;
  /** Runs after each datagram that Bun called back for, which came at `now`. */
  after: (now: Millis) => void;
  /** The shorter way: nothing comes but by its `receiveAll`. Undefined: Bun calls back. */
  poll: DatagramPoll | undefined;
}

export interface MediaSockets extends Sockets {
  readonly webrtcPort: number;
}

/** Opens the shared port; throws where it is taken. */
export function openMediaSockets(options: MediaSocketsOptions): MediaSockets {
  const { now, pairs, poll } = options;
  const [bindAddress] = options.bindAddresses;
  if (bindAddress === undefined) throw new Error("There is no address to receive media on.");
  const advertise = (address: string) => options.advertisedAddress ?? address;

  /** Throws where the port can't be bound. */
  const open = (hostname: string, port: number, receive: Receive) => {
    const udp = openUdpSocket(hostname, port, (datagram, source) => {
      const at = now();
      receive(datagram, source, socket, at);
      options.after(at);
    });
    const socket = poll ? polled(poll, udp, receive) : udp;
    return { socket, port: udp.port };
  };

  let webrtcPort = options.webrtcPort;
  const shared: MediaSocket[] = [];
  try {
    for (const address of options.bindAddresses) {
      const opened = open(address, webrtcPort, options.receiveWebRtc);
      shared.push(opened.socket);
      webrtcPort = opened.port;
    }
  } catch (error) {
    // Whoever tries again must find the other addresses free, and nothing may pile up.
    for (const socket of shared) socket.close();
    throw error;
  }

  const openPair = (
    port: number,
    receiver: TrunkReceiver,
    hostname: string,
  ): TrunkPair | undefined => {
    let rtp: MediaSocket | undefined;
    try {
      rtp = open(hostname, port, (datagram, source, _, at) => {
        receiver.receiveRtp(datagram, source, at);
      }).socket;
      const rtcp = open(hostname, port + 1, (datagram, source, _, at) => {
        receiver.receiveRtcp(datagram, source, at);
      }).socket;
      // Whom another address of ours is told, SIP says (NAT-03).
      const address = hostname === bindAddress ? advertise(hostname) : hostname;
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
      const inside = address === hostname ? {} : { interfaceAddress: hostname };
      return { rtp: closing, rtcp, rtpEndpoint, rtcpEndpoint, ...inside };
    } catch {
      rtp?.close();
      return undefined;
    }
  };

  // A softphone of our own network may not be able to come back in from outside: ICE finds out.
  const { bindAddresses } = options;
  const candidateAddresses = new Set([...bindAddresses.map(advertise), ...bindAddresses]);

  return {
    webrtcPort,
    candidates: [...candidateAddresses].map((address) => ({ address, port: webrtcPort })),
    openTrunkPair(receiver, at, hostname = bindAddress) {
      for (let attempt = 0; attempt < PORT_PAIR_ATTEMPTS_MAX; attempt++) {
        const port = pairs.take(at);
        if (port === undefined) return undefined;
        const pair = openPair(port, receiver, hostname);
        if (pair) return pair;
        pairs.refuse(port, at);
      }
      return undefined;
    },
  };
}

/** A socket of Bun's that is read and written past it. */
function polled(poll: DatagramPoll, udp: UdpSocket, receive: Receive): MediaSocket {
  const { descriptor } = udp;
  let closed = false;
  const socket: MediaSocket = {
    send: (buffer, length, destination) => {
      if (!closed) poll.send(descriptor, buffer, length, destination);
    },
    close: () => {
      if (closed) return;
      closed = true;
      poll.release(descriptor);
      udp.close();
    },
  };
  poll.adopt(descriptor, (datagram, source, at) => receive(datagram, source, socket, at));
  return socket;
}
