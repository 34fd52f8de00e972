/**
 * Where a trunk's audio may come from, SEC-09: symmetric RTP (RFC 4961) that can't be stolen. The
 * address in the SDP always may; its host from another port may, until something is locked; anybody
 * else only by three consecutive packets of one SSRC, soon after the SDP, while the SDP's address is
 * silent. Then the source is locked. Above: the trunk leg. Below nothing.
 */
import {
  LATCH_FOREIGN_AFTER_MS,
  LATCH_MOVE_PACKETS,
  LATCH_MOVE_SILENCE_MS,
  LATCH_PACKETS,
  LATCH_WINDOW_MS,
} from "../limits.ts";
import type { Millis } from "../machine.ts";
import type { Endpoint } from "./protocol.ts";
import type { RtpHeader } from "./rtp/rtp-packet.ts";
import { copyEndpoint, sameEndpoint } from "./sockets.ts";

type Locked = "no" | "signalled" | "same-host" | "foreign";

export class Latch {
  readonly #signalled: Endpoint;
  readonly #since: Millis;
  readonly #isFixed: boolean;
  #locked: Locked = "no";
  #source: Endpoint;
  #heardAt: Millis = -Infinity;

  /** The stranger being listened to: one source, one SSRC, consecutive sequence numbers. */
  #candidate: Endpoint | undefined;
  #candidateSsrc = 0;
  #candidateSequence = 0;
  #candidatePackets = 0;

  /**
   * `signalled` is the SDP's RTP address; `now` when it was learnt. `isFixed`: there is no NAT in
   * between, so that its host alone is heard and its port alone is spoken to (NAT-05).
   */
  constructor(signalled: Endpoint, now: Millis, isFixed = false) {
    this.#isFixed = isFixed;
    this.#signalled = copyEndpoint(signalled);
    this.#source = this.#signalled;
    this.#since = now;
  }

  /** Where to send: the SDP's address until another source is locked. */
  get destination(): Endpoint {
    return this.#source;
  }

  get locked(): boolean {
    return this.#locked !== "no";
  }

  /** Whether a packet that is valid in all else may be heard. Learns and locks. */
  accept(source: Endpoint, header: RtpHeader, now: Millis): boolean {
    if (this.#isFixed) return source.address === this.#signalled.address;
    if (this.locked && sameEndpoint(source, this.#source)) return this.#heard(now);
    if (sameEndpoint(source, this.#signalled)) return this.#acceptSignalled(source, header, now);
    if (source.address === this.#signalled.address) {
      if (this.#locked !== "no" && this.#locked !== "foreign") {
        return this.#acceptMove(source, header, now);
      }
      // The signalled host outranks a stranger that was quicker, but only while learning lasts.
      if (this.#locked === "no" || this.#learning(now)) return this.#lock("same-host", source, now);
      return false;
    }
    if (this.#locked === "no" && this.#learning(now))
      return this.#acceptForeign(source, header, now);
    if (this.#locked === "foreign" && source.address === this.#source.address) {
      return this.#acceptMove(source, header, now);
    }
    return false;
  }

  /** Whether RTCP and DTLS from here concern this leg: the host that sends the audio, or should. */
  admitsHost(source: Endpoint): boolean {
    return source.address === this.#source.address;
  }

  #acceptSignalled(source: Endpoint, header: RtpHeader, now: Millis): boolean {
    if (this.#locked === "no" || this.#learning(now)) return this.#lock("signalled", source, now);
    return this.#acceptMove(source, header, now);
  }

  #acceptForeign(source: Endpoint, header: RtpHeader, now: Millis): boolean {
    const enough = this.#countCandidate(source, header) >= LATCH_PACKETS;
    // The rightful sender gets the first word: whoever sprays is always there before it.
    if (!enough || now - this.#since < LATCH_FOREIGN_AFTER_MS) return false;
    return this.#lock("foreign", source, now);
  }

  /** M3: the peer moved its port without telling; the old source must have fallen silent. */
  #acceptMove(source: Endpoint, header: RtpHeader, now: Millis): boolean {
    if (now - this.#heardAt < LATCH_MOVE_SILENCE_MS) {
      this.#candidate = undefined;
      return false;
    }
    if (this.#countCandidate(source, header) < LATCH_MOVE_PACKETS) return false;
    return this.#lock(this.#locked, source, now);
  }

  #countCandidate(source: Endpoint, header: RtpHeader): number {
    const next = (this.#candidateSequence + 1) & 0xffff;
    const continues =
      this.#candidate !== undefined &&
      sameEndpoint(source, this.#candidate) &&
      header.ssrc === this.#candidateSsrc &&
      header.sequence === next;
    if (!continues) {
      if (!this.#candidate) this.#candidate = copyEndpoint(source);
      this.#candidate.address = source.address;
      this.#candidate.port = source.port;
      this.#candidateSsrc = header.ssrc;
      this.#candidatePackets = 0;
    }
    this.#candidateSequence = header.sequence;
    this.#candidatePackets += 1;
    return this.#candidatePackets;
  }

  #lock(locked: Locked, source: Endpoint, now: Millis): boolean {
    this.#locked = locked;
    this.#source = copyEndpoint(source);
    this.#candidate = undefined;
    return this.#heard(now);
  }

  #heard(now: Millis): true {
    this.#heardAt = now;
    return true;
  }

  #learning(now: Millis): boolean {
    return now - this.#since <= LATCH_WINDOW_MS;
  }
}
