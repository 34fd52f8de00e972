/**
 * One leg's audio in the clear: what came, what goes, and RTCP about both. It checks payload types
 * and rates, puts packets in sequence, counts, and notices silence. Above: the session, which gives
 * it a sink. Below: the leg, which has checked the source and decrypted, and which encrypts.
 */
import { RTP_BURST_PACKETS_MAX, RTP_PACKETS_PER_SECOND_MAX } from "../limits.ts";
import { earliest, type Millis } from "../machine.ts";
import type { Random } from "../random.ts";
import type { Announcer } from "./announcer.ts";
import { Budget } from "./budget.ts";
import { ControlReports, type ReportedStream } from "./control-reports.ts";
import type { Outbox } from "./outbox.ts";
import type {
  Codec,
  DtmfFormat,
  LegFacts,
  LegId,
  LegKind,
  LegQuality,
  LegStatistics,
  RemoteLeg,
} from "./protocol.ts";
import { type PacketSink, Receiver } from "./receiver.ts";
import { RedReader } from "./red.ts";
import { LossPattern } from "./rtp/loss-pattern.ts";
import { ReceptionStatistics } from "./rtp/reception-statistics.ts";
import { RtpHeader, readHeader } from "./rtp/rtp-packet.ts";
import { type PacketTransmitter, Sender } from "./sender.ts";
import { SilenceWatch } from "./silence-watch.ts";
import { StreamQuality } from "./stream-quality.ts";

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
export type AudioFormat = Pick<
  RemoteLeg,
  | "codec"
  | "receive"
  | "dtmf"
  | "dtmfMode"
  | "detectDtmf"
  | "direction"
  | "comfortNoise"
  | "red"
  | "extendedReports"
>;

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
  /** Told when the peer's RTCP has come: what it hears may call for another way to send. */
  reported: (() => void) | undefined;
  /** Undefined before the peer's SDP is known. */
  format: AudioFormat | undefined;
  /** Tones and digits of ours; made when there is something to say. */
  announcer: Announcer | undefined;

  readonly #leg: LegId;
  #outbox: Outbox;
  readonly #transmitter: StreamTransmitter;
  readonly #statistics = new ReceptionStatistics(8_000);
  readonly #receiver = new Receiver(this);
  readonly #red = new RedReader();
  readonly #pattern = new LossPattern();
  readonly #quality = new StreamQuality();
  readonly #silence: SilenceWatch;
  readonly #budget = new Budget(RTP_PACKETS_PER_SECOND_MAX, RTP_BURST_PACKETS_MAX);
  /** What each payload type means; undefined ones are dropped. */
  readonly #payloadTypes: (Codec | DtmfFormat | undefined)[] = new Array(128).fill(undefined);
  #remoteSsrc: number | undefined;
  /** The peer said that it is silent: its RTCP alone tells that it is there. */
  #isQuiet = false;
  /** What the latest packet of audio was coded with. */
  #receivedCodec: Codec | undefined;
  /** Packets were dropped because there were too many: what is missing then was no loss. */
  #isOverRate = false;
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

  /** The leg goes over to another session: what it reports goes there. */
  moveTo(outbox: Outbox): void {
    this.#outbox = outbox;
  }

  /** The peer's SDP, first or changed. */
  configure(format: AudioFormat, now: Millis): void {
    this.format = format;
    this.#payloadTypes.fill(undefined);
    for (const codec of format.receive) this.#payloadTypes[codec.payloadType] = codec;
    for (const event of format.dtmf ?? []) this.#payloadTypes[event.payloadType] = event;
    if (format.red !== undefined) this.#payloadTypes[format.red] = format.codec;
    if (format.comfortNoise !== undefined) this.#payloadTypes[format.comfortNoise] = format.codec;
    if (this.sender.redType !== undefined) this.sender.redType = format.red;
    this.control.wanted = format.extendedReports;
    this.#silence.listen(this.#receives, now);
    this.#enable(now);
  }

  /** Whether the leg can send now. */
  setReady(ready: boolean, now: Millis): void {
    this.#ready = ready;
    this.#enable(now);
  }

  /** Reads a packet's header into `header`; counts and says false where it is none. */
  read(buffer: Uint8Array, length: number): boolean {
    return readHeader(buffer, length, this.header) || this.drop("malformed");
  }

  /** Reads a header and checks that the packet is one we listen to. */
  admit(buffer: Uint8Array, length: number): boolean {
    if (!this.read(buffer, length)) return false;
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
    if (!this.spend(now)) {
      this.#isOverRate = true;
      return;
    }
    const isRed = header.payloadType === this.format?.red;
    if (isRed && !this.#readRed(buffer, header)) {
      this.drop("malformed");
      return;
    }
    this.#isQuiet = header.payloadType === this.format?.comfortNoise;
    const carried = isRed ? this.#red.carried : 0;
    if (!this.#account(buffer, length, meaning, carried, now)) this.drop("late");
  }

  /**
   * Looks at the packet `read` read, which passes sealed: its header is in the clear, its payload is
   * not. False where there are too many (M10).
   */
  observe(buffer: Uint8Array, length: number, now: Millis): boolean {
    if (!this.spend(now)) return false;
    const meaning = this.#payloadTypes[this.header.payloadType];
    // What the two agreed on beside our codecs is theirs to know.
    if (meaning) this.#account(buffer, length, meaning, 0, now);
    return true;
  }

  /** Counts a packet against what a peer may send; false beyond that. */
  spend(now: Millis): boolean {
    return this.#budget.spend(now) || this.drop("rate");
  }

  /** Takes in RTCP in the clear, from a source the leg trusts. */
  receiveControl(buffer: Uint8Array, length: number, now: Millis): void {
    if (!this.control.receive(buffer, length, this.#statistics, this.#remoteSsrc, now)) {
      this.drop("malformed");
      return;
    }
    if (this.#isQuiet && this.#silence.heard(now)) this.#outbox.flowing(this.#leg);
    this.reported?.();
  }

  /** In sequence, from the receiver. */
  packet(buffer: Uint8Array, header: RtpHeader, lostBefore: number, now: Millis): void {
    const { sink } = this;
    const isRed = header.payloadType === this.format?.red && this.#readRed(buffer, header);
    // What came once more is heard: it is no loss.
    this.#pattern.count(Math.max(0, lostBefore - (isRed ? this.#red.carried : 0)));
    const lost = this.#isOverRate ? 0 : lostBefore;
    this.#isOverRate = false;
    if (!sink) return;
    if (header.payloadType !== this.format?.red) {
      sink.packet(buffer, header, lost, now);
    } else if (isRed) {
      const { payloadType } = this.format.codec;
      this.#red.deliver(sink, buffer, header, payloadType, lost, now);
    }
  }

  /** The announcer has played what was to be played once. */
  played(): void {
    this.#outbox.played(this.#leg);
  }

  /** Counts a dropped packet; false, for the caller to return. */
  drop(reason: DropReason): false {
    this.dropped[reason] += 1;
    return false;
  }

  deadline(): Millis | undefined {
    return earliest(
      this.control.deadline(),
      this.#receiver.deadline(),
      this.#silence.deadline(),
      this.announcer?.deadline(),
    );
  }

  timeout(now: Millis): void {
    this.#receiver.timeout(now);
    this.announcer?.timeout(now);
    const silentMs = this.#silence.timeout(now);
    if (silentMs !== undefined) this.#outbox.silent(this.#leg, silentMs);
    if (!this.format) return;
    const length = this.control.report(this.#reported(this.format), now);
    if (length > 0) this.#transmitter.transmitControl(this.control.buffer, length, now);
  }

  /** Says goodbye to the peer, if it ever could have heard us. */
  close(now: Millis): void {
    this.announcer?.close();
    if (!this.#ready || !this.format) return;
    const length = this.control.bye(this.#reported(this.format), now);
    this.#transmitter.transmitControl(this.control.buffer, length, now);
    this.sender.enabled = false;
    this.#ready = false;
  }

  statistics(kind: LegKind): LegStatistics {
    const statistics: LegStatistics = {
      leg: this.#leg,
      kind,
      packetsReceived: this.#statistics.packetsReceived,
      packetsSent: this.sender.packetsSent,
      packetsLost: Math.max(0, this.#statistics.packetsLost),
      dropped: this.#droppedSoFar(),
      jitterMs: this.#statistics.jitterMs,
    };
    if (this.format) statistics.codec = this.format.codec.name;
    if (this.control.roundTripMs !== undefined) {
      statistics.roundTripMs = this.control.roundTripMs;
    }
    return statistics;
  }

  /** What any leg's media has in common; the leg adds what it knows of its path. */
  facts(kind: LegKind): LegFacts {
    const hasReports = this.control.latest !== undefined;
    const direction = this.format?.direction;
    return { ...this.statistics(kind), hasReports, ...(direction ? { direction } : {}) };
  }

  #droppedSoFar(): Record<string, number> {
    return Object.fromEntries(Object.entries(this.dropped).filter(([, count]) => count > 0));
  }

  #readRed(buffer: Uint8Array, header: RtpHeader): boolean {
    const { format } = this;
    return format !== undefined && this.#red.read(buffer, header, format.codec.payloadType);
  }

  /** How audio arrives at either end since the sample before this one; takes a new sample. */
  quality(kind: LegKind, now: Millis): LegQuality | undefined {
    const { format, control, sender } = this;
    if (!format) return undefined;
    const sight = {
      pattern: this.#pattern,
      jitterMs: this.#statistics.jitterMs,
      control,
      receivedCodec: this.#receivedCodec ?? format.codec,
      sentCodec: format.codec,
      packetsSent: sender.packetsSent,
      firstSequence: sender.firstSequence,
    };
    this.#quality.sample(sight, now);
    const { received, sent } = this.#quality;
    const dropped = this.#droppedSoFar();
    return {
      leg: this.#leg,
      kind,
      codec: format.codec.name,
      ...(control.roundTripMs === undefined
        ? {}
        : { roundTripMs: Math.round(control.roundTripMs) }),
      ...(received ? { received } : {}),
      ...(sent ? { sent } : {}),
      ...(Object.keys(dropped).length > 0 ? { dropped } : {}),
    };
  }

  /** Counts a packet of the peer's and puts it in sequence; false where it is too late for that. */
  #account(
    buffer: Uint8Array,
    length: number,
    meaning: Codec | DtmfFormat,
    carried: number,
    now: Millis,
  ): boolean {
    const { header } = this;
    this.#remoteSsrc = header.ssrc;
    // The packets of an event share a timestamp: what they say of time is no jitter.
    const isAudio = "name" in meaning;
    if (isAudio) this.#hear(meaning);
    this.#statistics.receive(header.sequence, header.timestamp, now, isAudio);
    if (this.#silence.heard(now)) this.#outbox.flowing(this.#leg);
    const waiting = this.#receiver.waiting;
    const isInTime = this.#receiver.receive(buffer, length, header, now, carried);
    if (this.#receiver.waiting && !waiting) this.#outbox.deadlineMoved = true;
    return isInTime;
  }

  #hear(codec: Codec): void {
    if (codec === this.#receivedCodec) return;
    this.#receivedCodec = codec;
    this.#statistics.setClockRate(codec.clockRate);
  }

  #reported({ codec }: AudioFormat): ReportedStream {
    const received = this.#receivedCodec ?? codec;
    return {
      statistics: this.#statistics,
      remoteSsrc: this.#remoteSsrc,
      clockRate: codec.clockRate,
      voip: (ssrc) => this.#quality.voip(ssrc, this.#pattern, this.control, received),
    };
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
