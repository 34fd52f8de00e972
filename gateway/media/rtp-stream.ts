/**
 * One leg's audio in the clear: what came, what goes, and RTCP about both. It checks payload types
 * and rates, puts packets in sequence, counts, and notices silence. Above: the session, which gives
 * it a sink. Below: the leg, which has checked the source and decrypted, and which encrypts.
 */
import type { Millis } from "../machine.ts";
import type { Random } from "../random.ts";
import { ControlReports } from "./control-reports.ts";
import type { Outbox } from "./outbox.ts";
import { PacketBudget } from "./packet-budget.ts";
import type { Codec, DtmfFormat, LegId, LegKind, LegStatistics, RemoteLeg } from "./protocol.ts";
import { type PacketSink, Receiver } from "./receiver.ts";
import { ReceptionStatistics } from "./rtp/reception-statistics.ts";
import { RtpHeader, readHeader } from "./rtp/rtp-packet.ts";
import { type PacketTransmitter, Sender } from "./sender.ts";
import { SilenceWatch } from "./silence-watch.ts";

export type DropReason =
  | "unknown"
  | "malformed"
  | "source"
  | "stun"
  | "dtls"
  | "not-ready"
  | "authentication"
  | "replay"
  | "payload-type"
  | "direction"
  | "rate"
  | "late";

/** What both sides agreed on, as far as audio goes. */
export type AudioFormat = Pick<RemoteLeg, "codec" | "receive" | "dtmf" | "direction">;

/** A leg's way out: encrypts where it must, then sends. */
export interface StreamTransmitter extends PacketTransmitter {
  transmitControl(packet: Uint8Array, length: number, now: Millis): void;
}

export interface StreamOptions {
  leg: LegId;
  ssrc: number;
  cname: string;
  silenceMs: number;
  random: Random;
  transmitter: StreamTransmitter;
  outbox: Outbox;
}

export class RtpStream implements PacketSink {
  readonly sender: Sender;
  readonly cname: string;
  readonly control: ControlReports;
  /** The latest packet's header: the leg reads it once, before it trusts the source. */
  readonly header = new RtpHeader();
  readonly dropped: Record<DropReason, number> = {
    unknown: 0,
    malformed: 0,
    source: 0,
    stun: 0,
    dtls: 0,
    "not-ready": 0,
    authentication: 0,
    replay: 0,
    "payload-type": 0,
    direction: 0,
    rate: 0,
    late: 0,
  };
  /** Where audio goes; undefined while the leg isn't joined. */
  sink: PacketSink | undefined;
  /** Undefined before the peer's SDP is known. */
  format: AudioFormat | undefined;

  readonly #leg: LegId;
  readonly #outbox: Outbox;
  readonly #transmitter: StreamTransmitter;
  readonly #statistics = new ReceptionStatistics(8_000);
  readonly #receiver = new Receiver(this);
  readonly #silence: SilenceWatch;
  readonly #budget = new PacketBudget();
  /** What each payload type means; undefined ones are dropped. */
  readonly #payloadTypes: (Codec | DtmfFormat | undefined)[] = new Array(128).fill(undefined);
  #remoteSsrc: number | undefined;
  /** Whether the leg below can send: for webrtc, whether there are keys. */
  #ready = false;

  constructor(options: StreamOptions) {
    this.sender = new Sender(options.ssrc, options.transmitter, options.random);
    this.cname = options.cname;
    this.control = new ControlReports(this.sender, options.cname, options.random);
    this.#leg = options.leg;
    this.#outbox = options.outbox;
    this.#transmitter = options.transmitter;
    this.#silence = new SilenceWatch(options.silenceMs);
  }

  /** The peer's SDP, first or changed. */
  configure(format: AudioFormat, now: Millis): void {
    this.format = format;
    this.#payloadTypes.fill(undefined);
    for (const codec of format.receive) this.#payloadTypes[codec.payloadType] = codec;
    for (const event of format.dtmf ?? []) this.#payloadTypes[event.payloadType] = event;
    this.#silence.listen(this.#receives, now);
    this.#enable(now);
  }

  /** Whether the leg can send now. */
  setReady(ready: boolean, now: Millis): void {
    this.#ready = ready;
    this.#enable(now);
  }

  /** Reads and checks a packet's header into `header`; counts and says false where it is no good. */
  admit(buffer: Uint8Array, length: number): boolean {
    if (!readHeader(buffer, length, this.header)) return this.drop("malformed");
    if (this.#payloadTypes[this.header.payloadType]) return true;
    return this.drop("payload-type");
  }

  /** Takes in the packet `admit` read, from a source the leg trusts, in the clear. */
  receive(buffer: Uint8Array, length: number, now: Millis): void {
    const { header } = this;
    const meaning = this.#payloadTypes[header.payloadType];
    if (!meaning) return;
    if (!this.#receives) {
      this.drop("direction");
      return;
    }
    if (!this.#budget.spend(now)) {
      this.drop("rate");
      return;
    }
    this.#remoteSsrc = header.ssrc;
    this.#statistics.setClockRate(meaning.clockRate);
    this.#statistics.receive(header.sequence, header.timestamp, now);
    if (this.#silence.heard(now)) this.#outbox.flowing(this.#leg);
    const waiting = this.#receiver.waiting;
    if (!this.#receiver.receive(buffer, length, header, now)) this.drop("late");
    if (this.#receiver.waiting && !waiting) this.#outbox.deadlineMoved = true;
  }

  /** Takes in RTCP in the clear, from a source the leg trusts. */
  receiveControl(buffer: Uint8Array, length: number, now: Millis): void {
    if (!this.control.receive(buffer, length, this.#statistics, this.#remoteSsrc, now)) {
      this.drop("malformed");
    }
  }

  /** In sequence, from the receiver. */
  packet(buffer: Uint8Array, header: RtpHeader, lostBefore: number, now: Millis): void {
    this.sink?.packet(buffer, header, lostBefore, now);
  }

  /** Counts a dropped packet; false, for the caller to return. */
  drop(reason: DropReason): false {
    this.dropped[reason] += 1;
    return false;
  }

  deadline(): Millis | undefined {
    return earliest(
      this.control.deadline(),
      earliest(this.#receiver.deadline(), this.#silence.deadline()),
    );
  }

  timeout(now: Millis): void {
    this.#receiver.timeout(now);
    const silentMs = this.#silence.timeout(now);
    if (silentMs !== undefined) this.#outbox.silent(this.#leg, silentMs);
    const clockRate = this.format?.codec.clockRate ?? 8_000;
    const length = this.control.report(this.#statistics, this.#remoteSsrc, clockRate, now);
    if (length > 0) this.#transmitter.transmitControl(this.control.buffer, length, now);
  }

  /** Says goodbye to the peer, if it ever could have heard us. */
  close(now: Millis): void {
    if (!this.#ready || !this.format) return;
    const { clockRate } = this.format.codec;
    const length = this.control.bye(this.#statistics, this.#remoteSsrc, clockRate, now);
    this.#transmitter.transmitControl(this.control.buffer, length, now);
    this.sender.enabled = false;
    this.#ready = false;
  }

  statistics(kind: LegKind): LegStatistics {
    const dropped: Record<string, number> = {};
    for (const [reason, count] of Object.entries(this.dropped)) {
      if (count > 0) dropped[reason] = count;
    }
    const statistics: LegStatistics = {
      leg: this.#leg,
      kind,
      packetsReceived: this.#statistics.packetsReceived,
      packetsSent: this.sender.packetsSent,
      packetsLost: Math.max(0, this.#statistics.packetsLost),
      dropped,
      jitterMs: this.#statistics.jitterMs,
    };
    if (this.format) statistics.codec = this.format.codec.name;
    if (this.control.roundTripMs !== undefined) {
      statistics.roundTripMs = this.control.roundTripMs;
    }
    return statistics;
  }

  get #receives(): boolean {
    const direction = this.format?.direction;
    return direction === "sendrecv" || direction === "recvonly";
  }

  #enable(now: Millis): void {
    const direction = this.format?.direction;
    const sends = direction === "sendrecv" || direction === "sendonly";
    this.sender.enabled = this.#ready && sends;
    if (this.#ready && this.format) this.control.start(now);
    else this.control.stop();
    this.#outbox.deadlineMoved = true;
  }
}

/** The earlier of two times, either of which may be absent. */
export function earliest(a: Millis | undefined, b: Millis | undefined): Millis | undefined {
  if (a === undefined) return b;
  return b === undefined || a < b ? a : b;
}
