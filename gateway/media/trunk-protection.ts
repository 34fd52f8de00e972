/**
 * How one trunk leg's packets are protected: not at all, by keys of the SDP (RFC 4568), or by those
 * of a DTLS handshake (RFC 5764), which RTP and RTCP share where they share a port and else have
 * one each (§3). A new description changes only what it says otherwise. Above: the trunk leg.
 */
import { equalSecret } from "../crypto.ts";
import { earliest, type Millis } from "../machine.ts";
import type { Random } from "../random.ts";
import type { DtlsCertificate } from "./dtls/certificate.ts";
import { DtlsSrtp } from "./dtls-srtp.ts";
import type { DtlsProgress, TrunkSrtp } from "./protocol.ts";
import { profileOfSuite, type SrtpProfile } from "./srtp/profiles.ts";
import { type MasterKey, SrtpSession } from "./srtp/srtp-session.ts";

type SdesKeying = Extract<TrunkSrtp, { keying: "sdes" }>;

export interface TrunkProtectionOptions {
  certificate: DtlsCertificate;
  random: Random;
  sendRtp(datagram: Uint8Array): void;
  sendRtcp(datagram: Uint8Array): void;
  /** A handshake brought keys for RTP, or they are gone. */
  keyed(now: Millis): void;
  failed(reason: "dtls" | "fingerprint", detail: string): void;
}

export class TrunkProtection {
  readonly #options: TrunkProtectionOptions;
  #agreed: TrunkSrtp | undefined;
  #sdes: SrtpSession | undefined;
  #dtls: DtlsSrtp | undefined;
  /** RTCP's own association, where it has a port of its own. */
  #controlDtls: DtlsSrtp | undefined;

  constructor(options: TrunkProtectionOptions) {
    this.#options = options;
  }

  /** Whether RTP can be sent and read. */
  get isReady(): boolean {
    return this.#agreed === undefined || this.#rtp !== undefined;
  }

  /** Of the handshake for RTP; undefined where there is none. */
  get progress(): DtlsProgress | undefined {
    return this.#dtls?.progress;
  }

  /** Where `protectControl` leaves its packet; undefined where it leaves it as it is. */
  get control(): Uint8Array | undefined {
    return this.#rtcp?.control;
  }

  /** What the descriptions of both sides say. */
  agree(srtp: TrunkSrtp | undefined, isMuxed: boolean, now: Millis): void {
    const before = this.#agreed;
    this.#agreed = srtp;
    if (srtp?.keying === "sdes") this.#useKeys(srtp, before);
    else this.#sdes = undefined;
    if (srtp?.keying !== "dtls") {
      this.#closeDtls(now);
      return;
    }
    this.#dtls ??= this.#association((datagram) => this.#options.sendRtp(datagram), true);
    this.#dtls.connect(srtp, now);
    if (isMuxed) {
      this.#controlDtls?.close(now);
      this.#controlDtls = undefined;
    } else {
      this.#controlDtls ??= this.#association(
        (datagram) => this.#options.sendRtcp(datagram),
        false,
      );
      this.#controlDtls.connect(srtp, now);
    }
  }

  /** The peer has an address: handshakes begin. */
  start(now: Millis): void {
    this.#dtls?.start(now);
    this.#controlDtls?.start(now);
  }

  /** DTLS that came to one of the ports; false for what was none of ours. */
  handshake(on: "rtp" | "rtcp", datagram: Uint8Array, now: Millis): boolean {
    const association = on === "rtp" ? this.#dtls : this.#controlDtls;
    return association?.receive(datagram, now) ?? false;
  }

  /** In place; the length to send, 0 for nothing. */
  protect(packet: Uint8Array, length: number): number {
    if (!this.#agreed) return length;
    return this.#rtp?.protect(packet, length) ?? 0;
  }

  /** Into `control`; the length to send, 0 for nothing. */
  protectControl(packet: Uint8Array, length: number): number {
    if (!this.#agreed) return length;
    return this.#rtcp?.protectControl(packet, length) ?? 0;
  }

  /** In place; the plain length, a negative reason, or undefined while there are no keys. */
  open(datagram: Uint8Array): number | undefined {
    if (!this.#agreed) return datagram.length;
    return this.#rtp?.unprotect(datagram, datagram.length);
  }

  openControl(datagram: Uint8Array): number | undefined {
    if (!this.#agreed) return datagram.length;
    return this.#rtcp?.unprotectControl(datagram, datagram.length);
  }

  deadline(): Millis | undefined {
    return earliest(this.#dtls?.deadline(), this.#controlDtls?.deadline());
  }

  timeout(now: Millis): void {
    this.#dtls?.timeout(now);
    this.#controlDtls?.timeout(now);
  }

  close(now: Millis): void {
    this.#closeDtls(now);
    this.#sdes = undefined;
  }

  get #rtp(): SrtpSession | undefined {
    return this.#sdes ?? this.#dtls?.srtp;
  }

  get #rtcp(): SrtpSession | undefined {
    return this.#controlDtls ? this.#controlDtls.srtp : this.#rtp;
  }

  /** Without RTCP's handshake there is a call without reports; without RTP's there is none. */
  #association(send: (datagram: Uint8Array) => void, carriesAudio: boolean): DtlsSrtp {
    const { certificate, random, keyed, failed } = this.#options;
    const noted = carriesAudio
      ? { keyed: (_: boolean, now: Millis) => keyed(now), failed }
      : { keyed: () => {}, failed: () => {} };
    return new DtlsSrtp({ certificate, random, send, ...noted });
  }

  /** A key that did not change keeps its rollover counter and replay window. */
  #useKeys(keying: SdesKeying, before: TrunkSrtp | undefined): void {
    const profile = profileOfSuite(keying.suite);
    const local = masterKey(profile, keying.local);
    const remote = masterKey(profile, keying.remote);
    if (!this.#sdes || before?.keying !== "sdes") {
      this.#sdes = new SrtpSession(profile, local, remote);
      return;
    }
    const isOtherSuite = before.suite !== keying.suite;
    if (isOtherSuite || !equalSecret(before.local, keying.local)) {
      this.#sdes.changeLocal(profile, local);
    }
    if (isOtherSuite || !equalSecret(before.remote, keying.remote)) {
      this.#sdes.changeRemote(profile, remote);
    }
  }

  #closeDtls(now: Millis): void {
    this.#dtls?.close(now);
    this.#controlDtls?.close(now);
    this.#dtls = undefined;
    this.#controlDtls = undefined;
  }
}

function masterKey(profile: SrtpProfile, keyAndSalt: Uint8Array): MasterKey {
  return {
    key: keyAndSalt.subarray(0, profile.keyBytes),
    salt: keyAndSalt.subarray(profile.keyBytes),
  };
}
