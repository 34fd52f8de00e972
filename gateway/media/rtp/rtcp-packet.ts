/**
 * RTCP read: compound packets of RFC 3550 §6 (SR, RR, SDES, BYE) and RFC 3611 (XR); APP and feedback
 * are checked for length and skipped. Reduced-size packets (RFC 5506) are taken too. RTCP comes a few times a
 * minute, so this allocates. Writing is rtcp-writer.ts; the legs stand above.
 */
import { fromUtf8 } from "../../bytes.ts";
import { RTCP_PACKETS_MAX } from "../../limits.ts";
import { EXTENDED_REPORT, type ExtendedReport, readExtendedReport } from "./extended-report.ts";

export const SENDER_REPORT = 200;
export const RECEIVER_REPORT = 201;
export const SOURCE_DESCRIPTION = 202;
export const BYE = 203;

/** SDES item types, §6.5. */
export const SDES_END = 0;
export const SDES_CNAME = 1;

export const REPORT_BLOCK_BYTES = 24;

/** What one receiver says about one sender, §6.4.1. */
export interface ReportBlock {
  /** The sender it is about. */
  ssrc: number;
  /** Since the last report, in 1/256. */
  fractionLost: number;
  /** Since the beginning; negative where duplicates outnumber losses. 24 bits, signed. */
  cumulativeLost: number;
  /** Rollovers * 65536 + sequence, 32 bits. */
  highestSequence: number;
  /** In units of the RTP timestamp. */
  jitter: number;
  /** Middle 32 bits of the NTP time in the last sender report; 0 before one came. */
  lastSenderReport: number;
  /** Since that report arrived, in 1/65536 s. */
  delaySinceLastSenderReport: number;
}

/** What a sender says about itself, §6.4.1. */
export interface SenderInformation {
  ntpSeconds: number;
  ntpFraction: number;
  rtpTimestamp: number;
  packetCount: number;
  octetCount: number;
}

export type RtcpPacket =
  | { type: "sender-report"; ssrc: number; sender: SenderInformation; reports: ReportBlock[] }
  | { type: "receiver-report"; ssrc: number; reports: ReportBlock[] }
  | { type: "source-description"; chunks: { ssrc: number; cname?: string }[] }
  | { type: "bye"; ssrcs: number[]; reason?: string }
  | ExtendedReport;

/**
 * The packets of the compound in buffer[0..length) that we know, in order. Undefined where any
 * header, length, count or padding is wrong (appendix A.2): then nothing in it counts.
 */
export function readRtcp(buffer: Uint8Array, length: number): RtcpPacket[] | undefined {
  if (length < 8 || length > buffer.length) return undefined;
  const view = new DataView(buffer.buffer, buffer.byteOffset, length);
  const packets: RtcpPacket[] = [];
  let offset = 0;
  for (let count = 0; offset < length; count++) {
    if (count >= RTCP_PACKETS_MAX || offset + 4 > length) return undefined;
    const first = view.getUint8(offset);
    const next = offset + 4 + 4 * view.getUint16(offset + 2);
    if (first >> 6 !== 2 || next > length) return undefined;
    let end = next;
    if (first & 0x20) {
      // Padding belongs on the last packet alone, in whole words.
      const padding = view.getUint8(next - 1);
      if (next !== length || padding === 0 || padding % 4 !== 0) return undefined;
      if (padding > next - offset - 4) return undefined;
      end = next - padding;
    }
    const body = new DataView(view.buffer, view.byteOffset + offset, end - offset);
    const packet = readPacket(body, view.getUint8(offset + 1), first & 0x1f);
    if (packet === undefined) return undefined;
    if (packet !== "skipped") packets.push(packet);
    offset = next;
  }
  return packets;
}

/** `view` is one packet without padding; undefined where it is malformed. */
function readPacket(
  view: DataView,
  type: number,
  count: number,
): RtcpPacket | "skipped" | undefined {
  switch (type) {
    case SENDER_REPORT:
      return readSenderReport(view, count);
    case RECEIVER_REPORT: {
      if (view.byteLength < 8) return undefined;
      const reports = readReports(view, 8, count);
      return reports && { type: "receiver-report", ssrc: view.getUint32(4), reports };
    }
    case SOURCE_DESCRIPTION:
      return readSourceDescription(view, count);
    case BYE:
      return readBye(view, count);
    case EXTENDED_REPORT:
      // A block nobody can read must not cost the reports beside it.
      return readExtendedReport(view) ?? "skipped";
    default:
      return "skipped";
  }
}

function readSenderReport(view: DataView, count: number): RtcpPacket | undefined {
  if (view.byteLength < 28) return undefined;
  const reports = readReports(view, 28, count);
  if (!reports) return undefined;
  const sender: SenderInformation = {
    ntpSeconds: view.getUint32(8),
    ntpFraction: view.getUint32(12),
    rtpTimestamp: view.getUint32(16),
    packetCount: view.getUint32(20),
    octetCount: view.getUint32(24),
  };
  return { type: "sender-report", ssrc: view.getUint32(4), sender, reports };
}

/** A profile's extension may follow the blocks (§6.4.3); it is left unread. */
function readReports(view: DataView, start: number, count: number): ReportBlock[] | undefined {
  if (start + count * REPORT_BLOCK_BYTES > view.byteLength) return undefined;
  const reports: ReportBlock[] = [];
  for (let block = 0; block < count; block++) {
    const at = start + block * REPORT_BLOCK_BYTES;
    reports.push({
      ssrc: view.getUint32(at),
      fractionLost: view.getUint8(at + 4),
      // The upper byte of this word is the fraction; the shift keeps the sign of the other three.
      cumulativeLost: (view.getInt32(at + 4) << 8) >> 8,
      highestSequence: view.getUint32(at + 8),
      jitter: view.getUint32(at + 12),
      lastSenderReport: view.getUint32(at + 16),
      delaySinceLastSenderReport: view.getUint32(at + 20),
    });
  }
  return reports;
}

/** §6.5: chunks of SSRC and items, each list ended by a zero and filled to a word. */
function readSourceDescription(view: DataView, count: number): RtcpPacket | undefined {
  const chunks: { ssrc: number; cname?: string }[] = [];
  let offset = 4;
  for (let chunk = 0; chunk < count; chunk++) {
    if (offset + 8 > view.byteLength) return undefined;
    const read: { ssrc: number; cname?: string } = { ssrc: view.getUint32(offset) };
    offset += 4;
    for (;;) {
      if (offset >= view.byteLength) return undefined;
      const type = view.getUint8(offset);
      if (type === SDES_END) break;
      if (offset + 2 > view.byteLength) return undefined;
      const length = view.getUint8(offset + 1);
      if (offset + 2 + length > view.byteLength) return undefined;
      if (type === SDES_CNAME) read.cname ??= text(view, offset + 2, length);
      offset += 2 + length;
    }
    // At least one zero ends the list, and the chunk ends on a word.
    offset = (offset + 4) & ~3;
    if (offset > view.byteLength) return undefined;
    chunks.push(read);
  }
  return { type: "source-description", chunks };
}

/** §6.6. */
function readBye(view: DataView, count: number): RtcpPacket | undefined {
  const end = 4 + 4 * count;
  if (end > view.byteLength) return undefined;
  const ssrcs: number[] = [];
  for (let at = 4; at < end; at += 4) ssrcs.push(view.getUint32(at));
  if (end === view.byteLength) return { type: "bye", ssrcs };
  const length = view.getUint8(end);
  if (end + 1 + length > view.byteLength) return undefined;
  return { type: "bye", ssrcs, reason: text(view, end + 1, length) };
}

function text(view: DataView, offset: number, length: number): string {
  return fromUtf8(new Uint8Array(view.buffer, view.byteOffset + offset, length));
}
