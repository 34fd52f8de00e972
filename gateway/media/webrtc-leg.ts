/**
 * A leg towards a softphone: ICE-lite, then DTLS-SRTP (RFC 5764), then RTP and RTCP on one port
 * (RFC 5761). Each layer listens only to what the one before lets through: DTLS and SRTP only from
 * an address an authenticated STUN check came from, media only once the certificate is the one the
 * SDP named. Above: the session. Below: the port all webrtc legs of a worker share.
 */
import { DTLS_EARLY_DATAGRAMS_MAX, MEDIA_DATAGRAM_BYTES_MAX } from "../limits.ts";
import type { Millis } from "../machine.ts";
import { type Random, randomToken } from "../random.ts";
import type { DtlsCertificate } from "./dtls/certificate.ts";
import { DtlsEndpoint, type DtlsOutput } from "./dtls/dtls-endpoint.ts";
import { classify } from "./ice/demultiplex.ts";
import { IceLite } from "./ice/ice-lite.ts";
import type { Outbox } from "./outbox.ts";
import type { Endpoint, IceCredentials, LegId, LocalLeg, RemoteLeg } from "./protocol.ts";
import { earliest, RtpStream, type StreamOptions, type StreamTransmitter } from "./rtp-stream.ts";
import { copyEndpoint, type MediaSocket } from "./sockets.ts";
import { profileById } from "./srtp/profiles.ts";
import { REPLAYED, SrtpReceiver, SrtpSender } from "./srtp/srtp-context.ts";

type WebRtcRemote = RemoteLeg & { kind: "webrtc" };

export interface WebRtcLegOptions extends Omit<StreamOptions, "transmitter"> {
  certificate: DtlsCertificate;
  candidates: readonly Endpoint[];
}

/** RFC 8445 §5.3 asks for 24 and 128 bits at least; in bytes. */
const UFRAG_BYTES = 6;
const PASSWORD_BYTES = 16;

export class WebRtcLeg implements StreamTransmitter {
  readonly kind = "webrtc";
  readonly id: LegId;
  readonly stream: RtpStream;
  readonly #options: WebRtcLegOptions;
  readonly #random: Random;
  readonly #outbox: Outbox;
  readonly #ice: IceLite;
  #credentials: IceCredentials;

  #remote: WebRtcRemote | undefined;
  #dtls: DtlsEndpoint | undefined;
  #dtlsStarted = false;
  /** What the peer's DTLS sent before its SDP was here. */
  #early: Uint8Array[] = [];
  #srtpSender: SrtpSender | undefined;
  #srtpReceiver: SrtpReceiver | undefined;
  /** SRTCP is encrypted in a copy: the report's buffer is the stream's. */
  readonly #control = new Uint8Array(MEDIA_DATAGRAM_BYTES_MAX);

  /** Where the peer is: the nominated pair, before that where its latest check came from. */
  #destination: Endpoint | undefined;
  #socket: MediaSocket | undefined;
  #failed = false;

  constructor(options: WebRtcLegOptions) {
    this.id = options.leg;
    this.#options = options;
    this.#random = options.random;
    this.#outbox = options.outbox;
    this.stream = new RtpStream({ ...options, transmitter: this });
    this.#credentials = newCredentials(options.random);
    this.#ice = new IceLite({ local: this.#credentials });
  }

  /** The name the peer's checks carry: datagrams from unknown addresses are told apart by it. */
  get ufrag(): string {
    return this.#credentials.ufrag;
  }

  local(): LocalLeg {
    return {
      kind: "webrtc",
      candidates: this.#options.candidates.map(copyEndpoint),
      ice: { ...this.#credentials },
      fingerprint: this.#options.certificate.fingerprint,
      ssrc: this.stream.sender.ssrc,
      cname: this.stream.cname,
    };
  }

  restart(): void {
    this.#credentials = newCredentials(this.#random);
    this.#ice.restart(this.#credentials);
  }

  /** A new role or fingerprint means a new DTLS association (RFC 8842 §5.1); else it stays. */
  connect(remote: WebRtcRemote, now: Millis): void {
    const before = this.#remote;
    this.#remote = remote;
    this.#ice.setRemote(remote.ice);
    if (!before || !this.#dtls || !sameAssociation(before, remote)) {
      if (this.#dtls) this.#forgetKeys(now);
      this.#dtls = new DtlsEndpoint({
        role: remote.dtls,
        certificate: this.#options.certificate,
        fingerprints: remote.fingerprints,
        random: this.#random,
      });
      this.#dtlsStarted = false;
      this.#failed = false;
    }
    this.stream.configure(remote, now);
    this.#startDtls(now);
    const early = this.#early;
    this.#early = [];
    for (const datagram of early) this.#receiveDtls(datagram, now);
    this.#outbox.deadlineMoved = true;
  }

  /**
   * A datagram to the shared port that is this leg's: by the ufrag in a check, else by its source.
   * True when a check from `source` has proved that it is this leg's peer.
   */
  receive(datagram: Uint8Array, source: Endpoint, via: MediaSocket, now: Millis): boolean {
    const kind = classify(datagram);
    if (kind === "stun") return this.#receiveStun(datagram, source, via, now);
    if (!this.#ice.validated(source)) {
      this.stream.drop("source");
    } else if (kind === "rtp") {
      this.#receiveRtp(datagram, now);
    } else if (kind === "rtcp") {
      this.#receiveRtcp(datagram, now);
    } else if (kind === "dtls") {
      this.#receiveDtls(datagram, now);
    } else {
      this.stream.drop("unknown");
    }
    return false;
  }

  transmit(packet: Uint8Array, length: number): void {
    if (!this.#srtpSender || !this.#destination) return;
    const protectedLength = this.#srtpSender.protect(packet, length);
    if (protectedLength > 0) this.#socket?.send(packet, protectedLength, this.#destination);
  }

  transmitControl(packet: Uint8Array, length: number): void {
    if (!this.#srtpSender || !this.#destination) return;
    this.#control.set(packet.subarray(0, length));
    const protectedLength = this.#srtpSender.protectRtcp(this.#control, length);
    if (protectedLength > 0) this.#socket?.send(this.#control, protectedLength, this.#destination);
  }

  deadline(): Millis | undefined {
    const consent = this.#failed ? undefined : this.#ice.deadline();
    return earliest(this.stream.deadline(), earliest(consent, this.#dtls?.deadline()));
  }

  timeout(now: Millis): void {
    this.stream.timeout(now);
    const dtlsDue = this.#dtls?.deadline();
    if (this.#dtls && dtlsDue !== undefined && dtlsDue <= now) {
      this.#act(this.#dtls.timeout(now), now);
    }
    if (this.#ice.expired(now) && !this.#failed) {
      // RFC 7675 §5.1: without consent nothing may be sent; a later check gives it back.
      this.#failed = true;
      this.stream.setReady(false, now);
      this.#outbox.failed(this.id, "ice-consent", "The peer's connectivity checks stopped.");
    }
  }

  close(now: Millis): void {
    this.stream.close(now);
    if (this.#dtls && this.#dtlsStarted) this.#act(this.#dtls.close(now), now);
    this.#dtls = undefined;
    this.#srtpSender = undefined;
    this.#srtpReceiver = undefined;
    this.#destination = undefined;
  }

  #receiveStun(datagram: Uint8Array, source: Endpoint, via: MediaSocket, now: Millis): boolean {
    const result = this.#ice.receive(datagram, source, now);
    if (result.response) via.send(result.response, result.response.length, source);
    if (result.dropped) return this.stream.drop("stun");
    if (result.changed || !this.#ice.selected || !this.#destination) {
      this.#destination = copyEndpoint(this.#ice.selected ?? source);
      this.#socket = via;
    }
    if (this.#failed && !this.#ice.expired(now)) {
      this.#failed = false;
      this.stream.setReady(this.#srtpSender !== undefined, now);
    }
    this.#startDtls(now);
    this.#outbox.deadlineMoved = true;
    return true;
  }

  #receiveDtls(datagram: Uint8Array, now: Millis): void {
    if (this.#dtls) {
      this.#startDtls(now);
      const before = this.#dtls.dropped;
      const outputs = this.#dtls.receive(datagram, now);
      if (this.#dtls.dropped > before) this.stream.drop("dtls");
      this.#act(outputs, now);
      this.#outbox.deadlineMoved = true;
    } else if (this.#early.length < DTLS_EARLY_DATAGRAMS_MAX) {
      this.#early.push(datagram.slice());
    } else {
      this.stream.drop("not-ready");
    }
  }

  #receiveRtp(datagram: Uint8Array, now: Millis): void {
    const { stream } = this;
    if (!this.#srtpReceiver) {
      stream.drop("not-ready");
      return;
    }
    const length = this.#srtpReceiver.unprotect(datagram, datagram.length);
    if (length < 0) this.#dropProtected(length);
    else if (stream.admit(datagram, length)) stream.receive(datagram, length, now);
  }

  #receiveRtcp(datagram: Uint8Array, now: Millis): void {
    if (!this.#srtpReceiver) {
      this.stream.drop("not-ready");
      return;
    }
    const length = this.#srtpReceiver.unprotectRtcp(datagram, datagram.length);
    if (length < 0) this.#dropProtected(length);
    else this.stream.receiveControl(datagram, length, now);
  }

  #dropProtected(reason: number): void {
    this.stream.drop(reason === REPLAYED ? "replay" : "authentication");
  }

  /** M4, S11: not one octet of DTLS before a check has proved where the peer is. */
  #startDtls(now: Millis): void {
    if (!this.#dtls || this.#dtlsStarted || !this.#destination) return;
    this.#dtlsStarted = true;
    this.#act(this.#dtls.start(now), now);
  }

  #act(outputs: DtlsOutput[], now: Millis): void {
    for (const output of outputs) {
      switch (output.type) {
        case "send":
          if (this.#destination) {
            this.#socket?.send(output.datagram, output.datagram.length, this.#destination);
          }
          break;
        case "connected": {
          const { keys } = output;
          const profile = profileById(output.profile);
          if (!profile) break;
          this.#srtpSender = new SrtpSender(profile, keys.localKey, keys.localSalt);
          this.#srtpReceiver = new SrtpReceiver(profile, keys.remoteKey, keys.remoteSalt);
          this.stream.setReady(true, now);
          break;
        }
        case "failed":
          this.#forgetKeys(now);
          this.#outbox.failed(this.id, output.reason, output.detail);
          break;
        case "closed":
          this.#forgetKeys(now);
          break;
      }
    }
  }

  #forgetKeys(now: Millis): void {
    this.#srtpSender = undefined;
    this.#srtpReceiver = undefined;
    this.stream.setReady(false, now);
  }
}

function newCredentials(random: Random): IceCredentials {
  return {
    ufrag: randomToken(random, UFRAG_BYTES),
    password: randomToken(random, PASSWORD_BYTES),
  };
}

function sameAssociation(a: WebRtcRemote, b: WebRtcRemote): boolean {
  return a.dtls === b.dtls && fingerprintText(a) === fingerprintText(b);
}

function fingerprintText(remote: WebRtcRemote): string {
  const values = remote.fingerprints.map(({ algorithm, value }) => `${algorithm} ${value}`);
  return values.sort().join("\n");
}
