/**
 * Both directions of one leg's SRTP and SRTCP, and the change of their keys: what protects what we
 * send, what opens what comes. A key that did not change keeps its rollover counter and replay
 * window. Above: the legs. Below: one context for each direction.
 */
import { MEDIA_DATAGRAM_BYTES_MAX } from "../../limits.ts";
import type { SrtpProfile } from "./profiles.ts";
import { NOT_AUTHENTIC, SrtpReceiver, SrtpSender } from "./srtp-context.ts";

/** A master key and salt. */
export interface MasterKey {
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
}

export class SrtpSession {
  #sender: SrtpSender;
  #receiver: SrtpReceiver;
  /** Under the key before: the peer may use it until it has read our answer. */
  #receiverBefore: SrtpReceiver | undefined;
  /** SRTCP is encrypted in a copy: a report's buffer is the stream's. */
  readonly control = new Uint8Array(MEDIA_DATAGRAM_BYTES_MAX);

  constructor(profile: SrtpProfile, local: MasterKey, remote: MasterKey) {
    this.#sender = new SrtpSender(profile, local.key, local.salt);
    this.#receiver = new SrtpReceiver(profile, remote.key, remote.salt);
  }

  /** What we send is protected with another key from now on. */
  changeLocal(profile: SrtpProfile, { key, salt }: MasterKey): void {
    this.#sender = new SrtpSender(profile, key, salt);
  }

  /** The peer announced another key; the one before counts until the new one is heard. */
  changeRemote(profile: SrtpProfile, { key, salt }: MasterKey): void {
    this.#receiverBefore = this.#receiver;
    this.#receiver = new SrtpReceiver(profile, key, salt);
  }

  /** In place, as `SrtpSender.protect`: the new length, or 0 where nothing may be sent. */
  protect(buffer: Uint8Array, length: number): number {
    return this.#sender.protect(buffer, length);
  }

  /** Protects an RTCP packet into `control`; the length there, or 0 where nothing may be sent. */
  protectControl(packet: Uint8Array, length: number): number {
    this.control.set(packet.subarray(0, length));
    return this.#sender.protectRtcp(this.control, length);
  }

  /** In place, as `SrtpReceiver.unprotect`: the plain length or a negative reason. */
  unprotect(buffer: Uint8Array, length: number): number {
    const plain = this.#receiver.unprotect(buffer, length);
    if (!this.#receiverBefore) return plain;
    if (plain === NOT_AUTHENTIC) return this.#receiverBefore.unprotect(buffer, length);
    if (plain > 0) this.#receiverBefore = undefined;
    return plain;
  }

  unprotectControl(buffer: Uint8Array, length: number): number {
    const plain = this.#receiver.unprotectRtcp(buffer, length);
    if (plain !== NOT_AUTHENTIC || !this.#receiverBefore) return plain;
    return this.#receiverBefore.unprotectRtcp(buffer, length);
  }
}
