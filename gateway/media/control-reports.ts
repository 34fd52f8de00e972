/**
 * One leg's RTCP, RFC 3550 §6: sends a sender or receiver report with the CNAME about every five
 * seconds (at a random moment, §6.2, so that legs don't fall into step) and a BYE at the end; with
 * it the extended reports of RFC 3611 the peer asked for. Reads what the peer reports about us.
 * Above: the leg's RTP stream. Below: rtp/.
 */
import type { Millis } from "../machine.ts";
import { type Random, randomFraction } from "../random.ts";
import type { ExtendedReports } from "./protocol.ts";
import {
  type ExtendedReport,
  type VoipMetrics,
  writeExtendedReport,
} from "./rtp/extended-report.ts";
import { ntpFraction, ntpMiddle, ntpSeconds, roundTripMs } from "./rtp/ntp-time.ts";
import type { ReceptionStatistics } from "./rtp/reception-statistics.ts";
import { type ReportBlock, readRtcp } from "./rtp/rtcp-packet.ts";
import {
  writeBye,
  writeReceiverReport,
  writeSenderReport,
  writeSourceDescription,
} from "./rtp/rtcp-writer.ts";
import { addTimestamp } from "./rtp/sequence.ts";
import type { Sender } from "./sender.ts";

/** §6.2: the mean interval for two members, and its random spread of one half to either side. */
const INTERVAL_MS = 5_000;

/** Room for the SRTCP index and tag is the transmitter's affair: it copies nothing longer. */
const COMPOUND_BYTES_MAX = 512;

/** What a report is about: the stream that comes in, and the clock of the one that goes out. */
export interface ReportedStream {
  statistics: ReceptionStatistics;
  /** Undefined before a packet came. */
  remoteSsrc: number | undefined;
  /** Of the outgoing audio. */
  clockRate: number;
  /** How speech arrives (RFC 3611 §4.7); asked only where the peer wants to know. */
  voip(ssrc: number): VoipMetrics;
}

export class ControlReports {
  /** From the peer's reports about our stream. */
  roundTripMs: number | undefined;
  /** The peer's latest block about our stream, and when it came. */
  latest: { readonly block: ReportBlock; readonly at: Millis } | undefined;
  /** What the peer says of how our speech arrives, where it says so. */
  voip: VoipMetrics | undefined;
  /** What the peer asked for in its SDP. */
  wanted: ExtendedReports | undefined;

  readonly #sender: Sender;
  readonly #cname: string;
  readonly #random: Random;
  readonly #buffer = new Uint8Array(COMPOUND_BYTES_MAX);
  #dueAt: Millis | undefined;
  #packetsReported = 0;
  #loss: number | undefined;
  /** The peer's latest reference time (RFC 3611 §4.4), to be sent back to it. */
  #reference: { ssrc: number; middle: number; at: Millis } | undefined;

  constructor(sender: Sender, cname: string, random: Random) {
    this.#sender = sender;
    this.#cname = cname;
    this.#random = random;
  }

  /** The compound packet written last; its length is what `report` or `bye` returned. */
  get buffer(): Uint8Array {
    return this.#buffer;
  }

  /** Share of our packets the peer's newest report says were lost, 0 to 1; once for each report. */
  takeLoss(): number | undefined {
    const loss = this.#loss;
    this.#loss = undefined;
    return loss;
  }

  /** Reports are due from now on: the leg can send. */
  start(now: Millis): void {
    this.#dueAt ??= now + INTERVAL_MS * (0.5 + randomFraction(this.#random));
  }

  stop(): void {
    this.#dueAt = undefined;
  }

  deadline(): Millis | undefined {
    return this.#dueAt;
  }

  /** Writes the report that is due and returns its length in bytes; 0 while none is. */
  report(stream: ReportedStream, now: Millis): number {
    if (this.#dueAt === undefined || now < this.#dueAt) return 0;
    this.#dueAt = now + INTERVAL_MS * (0.5 + randomFraction(this.#random));
    return this.#write(stream, now);
  }

  /** Writes a last report with a BYE (§6.6) and returns its length in bytes. */
  bye(stream: ReportedStream, now: Millis): number {
    this.#dueAt = undefined;
    return writeBye(this.#buffer, this.#write(stream, now), this.#sender.ssrc);
  }

  /**
   * Reads a compound packet in the clear: buffer[0..length). False where it is malformed. A sender
   * report of another SSRC than the stream's counts for nothing.
   */
  receive(
    buffer: Uint8Array,
    length: number,
    statistics: ReceptionStatistics,
    remoteSsrc: number | undefined,
    now: Millis,
  ): boolean {
    const packets = readRtcp(buffer, length);
    if (!packets) return false;
    for (const packet of packets) {
      if (packet.type === "sender-report" && packet.ssrc === remoteSsrc) {
        statistics.senderReported(packet.sender, now);
      }
      if (packet.type === "sender-report" || packet.type === "receiver-report") {
        for (const block of packet.reports) this.#learn(block, now);
      }
      if (packet.type === "extended-report") this.#learnMore(packet, now);
    }
    return true;
  }

  #learn(block: ReportBlock, now: Millis): void {
    if (block.ssrc !== this.#sender.ssrc) return;
    this.#loss = block.fractionLost / 256;
    this.latest = { block, at: now };
    this.roundTripMs = roundTripMs(now, block) ?? this.roundTripMs;
  }

  /** RFC 3611 §4.4, §4.5 and §4.7. */
  #learnMore({ ssrc, referenceTime, echoes, voip }: ExtendedReport, now: Millis): void {
    if (referenceTime) {
      const { ntpSeconds: seconds, ntpFraction: fraction } = referenceTime;
      const middle = ((seconds << 16) | (fraction >>> 16)) >>> 0;
      this.#reference = { ssrc, middle, at: now };
    }
    const echo = echoes.find((it) => it.ssrc === this.#sender.ssrc);
    if (echo) this.roundTripMs = roundTripMs(now, echo) ?? this.roundTripMs;
    this.voip = voip.find((it) => it.ssrc === this.#sender.ssrc) ?? this.voip;
  }

  #write(stream: ReportedStream, now: Millis): number {
    const sender = this.#sender;
    const { statistics, remoteSsrc, clockRate } = stream;
    const blocks = remoteSsrc === undefined ? [] : [statistics.report(remoteSsrc, now)];
    // §6.4: who sent nothing since its last report sends a receiver report.
    const sent = sender.packetsSent !== this.#packetsReported && sender.lastSentAt !== undefined;
    this.#packetsReported = sender.packetsSent;
    let end: number;
    if (sent) {
      const since = now - (sender.lastSentAt ?? now);
      const information = {
        ntpSeconds: ntpSeconds(now),
        ntpFraction: ntpFraction(now),
        rtpTimestamp: addTimestamp(sender.lastTimestamp, Math.round((since * clockRate) / 1_000)),
        packetCount: sender.packetsSent >>> 0,
        octetCount: sender.octetsSent >>> 0,
      };
      end = writeSenderReport(this.#buffer, 0, sender.ssrc, information, blocks);
    } else {
      end = writeReceiverReport(this.#buffer, 0, sender.ssrc, blocks);
    }
    end = writeSourceDescription(this.#buffer, end, sender.ssrc, this.#cname);
    return this.wanted ? this.#writeMore(end, this.wanted, !sent, stream, now) : end;
  }

  /** The extended report the peer asked for, if there is anything to say in it. */
  #writeMore(
    offset: number,
    wanted: ExtendedReports,
    isSilent: boolean,
    { remoteSsrc, voip }: ReportedStream,
    now: Millis,
  ): number {
    const reference = wanted.roundTrip ? this.#reference : undefined;
    const echoes = reference
      ? [
          {
            ssrc: reference.ssrc,
            lastSenderReport: reference.middle,
            delaySinceLastSenderReport: ntpMiddle(now - reference.at),
          },
        ]
      : [];
    // Who sends has sender reports to measure by (§4.4 is for those who only listen).
    const referenceTime =
      wanted.roundTrip && isSilent
        ? { ntpSeconds: ntpSeconds(now), ntpFraction: ntpFraction(now) }
        : undefined;
    const metrics = wanted.voip && remoteSsrc !== undefined ? [voip(remoteSsrc)] : [];
    if (!referenceTime && echoes.length + metrics.length === 0) return offset;
    return writeExtendedReport(this.#buffer, offset, {
      ssrc: this.#sender.ssrc,
      ...(referenceTime ? { referenceTime } : {}),
      echoes,
      voip: metrics,
    });
  }
}
