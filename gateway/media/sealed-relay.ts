/**
 * One leg of a call whose keys are the two peers' own (AMB-07): DTLS, SRTP and SRTCP pass to the
 * other leg as they come. Of the packets only the RTP header is read, which SRTP leaves in the clear,
 * to count and to notice silence. Above: a leg, which has checked the source. Below: the other leg.
 */
import { DTLS_EARLY_DATAGRAMS_MAX } from "../limits.ts";
import type { Millis } from "../machine.ts";
import type { DatagramKind } from "./ice/demultiplex.ts";
import type { RtpStream } from "./rtp-stream.ts";

/** Where what comes goes on; false while the peer there has no address, or no consent. */
export type SealedExit = (datagram: Uint8Array, length: number) => boolean;

export class SealedRelay {
  readonly #stream: RtpStream;
  #exit: SealedExit | undefined;
  /** Handshakes that began before the other peer could be reached: else a second is lost. */
  #early: Uint8Array[] = [];

  constructor(stream: RtpStream) {
    this.#stream = stream;
  }

  /** The other leg, or none any more. */
  set exit(exit: SealedExit | undefined) {
    this.#exit = exit;
    this.flush();
  }

  /** The other peer may be reachable now: what waits for it goes out. */
  flush(): void {
    if (this.#early.length === 0 || !this.#exit) return;
    const early = this.#early;
    this.#early = [];
    for (const datagram of early) this.#pass(datagram, "dtls");
  }

  /** Passes a datagram on, of RTP the one the stream read last. STUN never gets here. */
  take(datagram: Uint8Array, kind: DatagramKind, now: Millis): void {
    if (kind === "rtp" && !this.#stream.observe(datagram, datagram.length, now)) return;
    if (kind === "rtcp" && !this.#stream.spend(now)) return;
    this.#pass(datagram, kind);
  }

  #pass(datagram: Uint8Array, kind: DatagramKind): void {
    if (this.#exit?.(datagram, datagram.length)) return;
    if (kind !== "dtls" || this.#early.length >= DTLS_EARLY_DATAGRAMS_MAX) {
      this.#stream.drop("not-ready");
    } else this.#early.push(datagram.slice());
  }
}
