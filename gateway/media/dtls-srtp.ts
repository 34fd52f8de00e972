/**
 * SRTP keyed by a DTLS association (RFC 5764) with one peer: the handshake while it runs, the keys
 * once it is done. It waits until the leg knows where the peer is, and keeps what came before its
 * SDP. Above: the legs, which say who may speak and where datagrams go. Below: `dtls/` and `srtp/`.
 */
import { DTLS_EARLY_DATAGRAMS_MAX } from "../limits.ts";
import type { Millis } from "../machine.ts";
import type { Random } from "../random.ts";
import type { DtlsCertificate } from "./dtls/certificate.ts";
import { DtlsEndpoint, type DtlsOutput } from "./dtls/dtls-endpoint.ts";
import type { DtlsProgress, Fingerprint } from "./protocol.ts";
import { profileById } from "./srtp/profiles.ts";
import { SrtpSession } from "./srtp/srtp-session.ts";

/** What the peer's SDP said of its side. */
export interface DtlsPeer {
  /** Our role. */
  role: "client" | "server";
  fingerprints: readonly Fingerprint[];
}

export interface DtlsSrtpOptions {
  certificate: DtlsCertificate;
  random: Random;
  send(datagram: Uint8Array): void;
  /** There are keys from now on, or none any more. */
  keyed(isKeyed: boolean, now: Millis): void;
  failed(reason: "dtls" | "fingerprint", detail: string): void;
}

export class DtlsSrtp {
  readonly #options: DtlsSrtpOptions;
  #peer: DtlsPeer | undefined;
  #dtls: DtlsEndpoint | undefined;
  #hasStarted = false;
  #early: Uint8Array[] = [];
  #srtp: SrtpSession | undefined;

  constructor(options: DtlsSrtpOptions) {
    this.#options = options;
  }

  /** The keys; undefined before the handshake and after the association. */
  get srtp(): SrtpSession | undefined {
    return this.#srtp;
  }

  /** How far the handshake has come. */
  get progress(): DtlsProgress {
    if (this.#srtp) return "keyed";
    return this.#hasStarted ? "begun" : "waiting";
  }

  deadline(): Millis | undefined {
    return this.#dtls?.deadline();
  }

  /**
   * A new role or fingerprint means a new association (RFC 8842 §5.1), and true; else it stays.
   * `takeEarly` gives what came before.
   */
  connect(peer: DtlsPeer, now: Millis): boolean {
    const before = this.#peer;
    this.#peer = peer;
    if (before && this.#dtls && sameAssociation(before, peer)) return false;
    if (this.#dtls) this.#forgetKeys(now);
    const { certificate, random } = this.#options;
    this.#dtls = new DtlsEndpoint({ ...peer, certificate, random });
    this.#hasStarted = false;
    return true;
  }

  /** The peer can be reached: a client begins, and what came early is read. */
  start(now: Millis): void {
    if (!this.#dtls) return;
    if (!this.#hasStarted) {
      this.#hasStarted = true;
      this.#act(this.#dtls.start(now), now);
    }
    const early = this.#early;
    this.#early = [];
    for (const datagram of early) this.receive(datagram, now);
  }

  /** From where the peer may speak. False for what was no DTLS of this association's. */
  receive(datagram: Uint8Array, now: Millis): boolean {
    if (!this.#dtls) {
      if (this.#early.length >= DTLS_EARLY_DATAGRAMS_MAX) return false;
      this.#early.push(datagram.slice());
      return true;
    }
    const before = this.#dtls.dropped;
    this.#hasStarted = true;
    this.#act(this.#dtls.receive(datagram, now), now);
    return this.#dtls.dropped === before;
  }

  timeout(now: Millis): void {
    const due = this.#dtls?.deadline();
    if (this.#dtls && due !== undefined && due <= now) this.#act(this.#dtls.timeout(now), now);
  }

  /** Says goodbye. */
  close(now: Millis): void {
    if (this.#dtls && this.#hasStarted) this.#act(this.#dtls.close(now), now);
    this.#dtls = undefined;
    this.#srtp = undefined;
  }

  #act(outputs: DtlsOutput[], now: Millis): void {
    for (const output of outputs) {
      switch (output.type) {
        case "send":
          this.#options.send(output.datagram);
          break;
        case "connected": {
          const { localKey, localSalt, remoteKey, remoteSalt } = output.keys;
          const profile = profileById(output.profile);
          if (!profile) break;
          const local = { key: localKey, salt: localSalt };
          this.#srtp = new SrtpSession(profile, local, { key: remoteKey, salt: remoteSalt });
          this.#options.keyed(true, now);
          break;
        }
        case "failed":
          this.#forgetKeys(now);
          this.#options.failed(output.reason, output.detail);
          break;
        case "closed":
          this.#forgetKeys(now);
          break;
      }
    }
  }

  #forgetKeys(now: Millis): void {
    this.#srtp = undefined;
    this.#options.keyed(false, now);
  }
}

function sameAssociation(a: DtlsPeer, b: DtlsPeer): boolean {
  return a.role === b.role && fingerprintText(a) === fingerprintText(b);
}

function fingerprintText({ fingerprints }: DtlsPeer): string {
  const values = fingerprints.map(({ algorithm, value }) => `${algorithm} ${value}`);
  return values.sort().join("\n");
}
