/**
 * A leg towards a softphone: ICE-lite, then DTLS-SRTP (RFC 5764), then RTP and RTCP on one port
 * (RFC 5761). Each layer listens only to what the one before lets through: DTLS and SRTP only from
 * an address an authenticated STUN check came from, media only once the certificate is the one the
 * SDP named. Above: the session. Below: the port all webrtc legs of a worker share.
 */
import { earliest, type Millis } from "../machine.ts";
import { type Random, randomToken } from "../random.ts";
import type { DtlsCertificate } from "./dtls/certificate.ts";
import { DtlsSrtp } from "./dtls-srtp.ts";
import { classify } from "./ice/demultiplex.ts";
import { IceLite } from "./ice/ice-lite.ts";
import type { Outbox } from "./outbox.ts";
import type { Endpoint, IceCredentials, LegFacts, LegId, LocalLeg, RemoteLeg } from "./protocol.ts";
import { RtpStream, type StreamOptions, type StreamTransmitter } from "./rtp-stream.ts";
import { SealedRelay } from "./sealed-relay.ts";
import { copyEndpoint, type MediaSocket } from "./sockets.ts";
import { REPLAYED } from "./srtp/srtp-context.ts";

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
  #outbox: Outbox;
  readonly #ice: IceLite;
  #credentials: IceCredentials;

  readonly #dtls: DtlsSrtp;
  /** The way on of what is not ours to decrypt; undefined where keys are agreed on with us. */
  #sealed: SealedRelay | undefined;
  /** Told when the peer could be reached for the first time. */
  reachable: (() => void) | undefined;

  /** Where the peer is: the nominated pair, before that where its latest check came from. */
  #destination: Endpoint | undefined;
  #socket: MediaSocket | undefined;
  #failed = false;
  /** Authenticated checks that came. */
  #checks = 0;

  constructor(options: WebRtcLegOptions) {
    this.id = options.leg;
    this.#options = options;
    this.#random = options.random;
    this.#outbox = options.outbox;
    this.stream = new RtpStream({ ...options, transmitter: this });
    this.#credentials = newCredentials(options.random);
    this.#ice = new IceLite({ local: this.#credentials });
    this.#dtls = new DtlsSrtp({
      certificate: options.certificate,
      random: options.random,
      send: (datagram) => this.#send(datagram, datagram.length),
      keyed: (isKeyed, now) => this.stream.setReady(isKeyed, now),
      failed: (reason, detail) => this.#outbox.failed(this.id, reason, detail),
    });
  }

  /** The leg goes over to another session. */
  moveTo(outbox: Outbox): void {
    this.#outbox = outbox;
    this.stream.moveTo(outbox);
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

  connect(remote: WebRtcRemote, now: Millis): void {
    this.#ice.setRemote(remote.ice);
    if (remote.relay) {
      this.#sealed ??= new SealedRelay(this.stream);
      this.stream.configure(remote, now);
      this.#outbox.deadlineMoved = true;
      return;
    }
    const { dtls: role, fingerprints } = remote;
    if (this.#dtls.connect({ role, fingerprints }, now)) this.#failed = false;
    this.stream.configure(remote, now);
    this.#startDtls(now);
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
    } else if (kind === "unknown") {
      this.stream.drop("unknown");
    } else if (this.#sealed) {
      const isGood = kind !== "rtp" || this.stream.read(datagram, datagram.length);
      if (isGood) this.#sealed.take(datagram, kind, now);
    } else if (kind === "rtp") {
      this.#receiveRtp(datagram, now);
    } else if (kind === "rtcp") {
      this.#receiveRtcp(datagram, now);
    } else this.#receiveDtls(datagram, now);
    return false;
  }

  /** What passes undecrypted, where it does. */
  get sealed(): SealedRelay | undefined {
    return this.#sealed;
  }

  /** Sends the other peer's datagram on; false while the peer can't be reached or takes nothing. */
  sendSealed(datagram: Uint8Array, length: number): boolean {
    if (!this.#destination || this.#failed) return false;
    this.#send(datagram, length);
    return true;
  }

  transmit(packet: Uint8Array, length: number): void {
    const { srtp } = this.#dtls;
    if (srtp && this.#destination) this.#send(packet, srtp.protect(packet, length));
  }

  transmitControl(packet: Uint8Array, length: number): void {
    const { srtp } = this.#dtls;
    if (srtp && this.#destination) this.#send(srtp.control, srtp.protectControl(packet, length));
  }

  deadline(): Millis | undefined {
    const consent = this.#failed ? undefined : this.#ice.deadline();
    return earliest(this.stream.deadline(), earliest(consent, this.#dtls.deadline()));
  }

  timeout(now: Millis): void {
    this.stream.timeout(now);
    this.#dtls.timeout(now);
    if (this.#ice.expired(now) && !this.#failed) {
      // RFC 7675 §5.1: without consent nothing may be sent; a later check gives it back.
      this.#failed = true;
      this.stream.setReady(false, now);
      this.#outbox.failed(this.id, "ice-consent", "The peer's connectivity checks stopped.");
    }
  }

  close(now: Millis): void {
    this.stream.close(now);
    this.#dtls.close(now);
    this.#destination = undefined;
  }

  /** What became of its media. */
  facts(): LegFacts {
    const remote = this.#destination;
    return {
      ...this.stream.facts(this.kind),
      ice: { checks: this.#checks, isNominated: this.#ice.selected !== undefined },
      ...(this.#sealed ? { isSealed: true } : { dtls: this.#dtls.progress }),
      ...(remote ? { remote: copyEndpoint(remote) } : {}),
    };
  }

  #receiveStun(datagram: Uint8Array, source: Endpoint, via: MediaSocket, now: Millis): boolean {
    const result = this.#ice.receive(datagram, source, now);
    if (result.response) via.send(result.response, result.response.length, source);
    if (result.dropped) return this.stream.drop("stun");
    this.#checks += 1;
    if (result.changed || !this.#ice.selected || !this.#destination) {
      this.#destination = copyEndpoint(this.#ice.selected ?? source);
      this.#socket = via;
    }
    if (this.#failed && !this.#ice.expired(now)) {
      this.#failed = false;
      this.stream.setReady(this.#dtls.srtp !== undefined, now);
    }
    this.#startDtls(now);
    this.reachable?.();
    this.#outbox.deadlineMoved = true;
    return true;
  }

  #receiveDtls(datagram: Uint8Array, now: Millis): void {
    this.#startDtls(now);
    if (!this.#dtls.receive(datagram, now)) this.stream.drop("dtls");
    this.#outbox.deadlineMoved = true;
  }

  #receiveRtp(datagram: Uint8Array, now: Millis): void {
    const { stream } = this;
    const length = this.#dtls.srtp?.unprotect(datagram, datagram.length);
    if (length === undefined) stream.drop("not-ready");
    else if (length < 0) this.#dropProtected(length);
    else if (stream.admit(datagram, length)) stream.receive(datagram, length, now);
  }

  #receiveRtcp(datagram: Uint8Array, now: Millis): void {
    const length = this.#dtls.srtp?.unprotectControl(datagram, datagram.length);
    if (length === undefined) this.stream.drop("not-ready");
    else if (length < 0) this.#dropProtected(length);
    else this.stream.receiveControl(datagram, length, now);
  }

  #dropProtected(reason: number): void {
    this.stream.drop(reason === REPLAYED ? "replay" : "authentication");
  }

  /** M4, S11: not one octet of DTLS before a check has proved where the peer is. */
  #startDtls(now: Millis): void {
    if (this.#destination && !this.#sealed) this.#dtls.start(now);
  }

  #send(datagram: Uint8Array, length: number): void {
    if (length > 0 && this.#destination) this.#socket?.send(datagram, length, this.#destination);
  }
}

function newCredentials(random: Random): IceCredentials {
  return {
    ufrag: randomToken(random, UFRAG_BYTES),
    password: randomToken(random, PASSWORD_BYTES),
  };
}
