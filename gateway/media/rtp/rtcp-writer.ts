/**
 * RTCP written: RFC 3550 §6.4 to §6.6. Each function appends one packet to a compound in a reused
 * buffer at `offset` and returns where the next one goes. A compound begins with a report, and its
 * first report is followed by a source description (§6.1). Reading is rtcp-packet.ts.
 */
import { utf8 } from "../../bytes.ts";
import {
  BYE,
  RECEIVER_REPORT,
  REPORT_BLOCK_BYTES,
  type ReportBlock,
  SDES_CNAME,
  SENDER_REPORT,
  type SenderInformation,
  SOURCE_DESCRIPTION,
} from "./rtcp-packet.ts";

/** §6.4.1. At most 31 reports. */
export function writeSenderReport(
  buffer: Uint8Array,
  offset: number,
  ssrc: number,
  sender: SenderInformation,
  reports: readonly ReportBlock[],
): number {
  const view = viewOf(buffer);
  view.setUint32(offset + 4, ssrc);
  view.setUint32(offset + 8, sender.ntpSeconds);
  view.setUint32(offset + 12, sender.ntpFraction);
  view.setUint32(offset + 16, sender.rtpTimestamp);
  view.setUint32(offset + 20, sender.packetCount);
  view.setUint32(offset + 24, sender.octetCount);
  const end = writeReports(view, offset + 28, reports);
  return writeHeader(view, offset, SENDER_REPORT, reports.length, end);
}

/** §6.4.2: what one sends that has sent no packets since the last report. */
export function writeReceiverReport(
  buffer: Uint8Array,
  offset: number,
  ssrc: number,
  reports: readonly ReportBlock[],
): number {
  const view = viewOf(buffer);
  view.setUint32(offset + 4, ssrc);
  const end = writeReports(view, offset + 8, reports);
  return writeHeader(view, offset, RECEIVER_REPORT, reports.length, end);
}

/** §6.5, with the one item that is mandatory. `cname` has at most 255 bytes. */
export function writeSourceDescription(
  buffer: Uint8Array,
  offset: number,
  ssrc: number,
  cname: string,
): number {
  const view = viewOf(buffer);
  const text = utf8(cname);
  view.setUint32(offset + 4, ssrc);
  view.setUint8(offset + 8, SDES_CNAME);
  view.setUint8(offset + 9, text.length);
  buffer.set(text, offset + 10);
  const items = offset + 10 + text.length;
  const end = offset + ((items - offset + 4) & ~3);
  buffer.fill(0, items, end);
  return writeHeader(view, offset, SOURCE_DESCRIPTION, 1, end);
}

/** §6.6, without a reason. */
export function writeBye(buffer: Uint8Array, offset: number, ssrc: number): number {
  const view = viewOf(buffer);
  view.setUint32(offset + 4, ssrc);
  return writeHeader(view, offset, BYE, 1, offset + 8);
}

function writeReports(view: DataView, start: number, reports: readonly ReportBlock[]): number {
  let at = start;
  for (const report of reports) {
    view.setUint32(at, report.ssrc);
    view.setInt32(at + 4, report.cumulativeLost);
    view.setUint8(at + 4, report.fractionLost);
    view.setUint32(at + 8, report.highestSequence);
    view.setUint32(at + 12, report.jitter);
    view.setUint32(at + 16, report.lastSenderReport);
    view.setUint32(at + 20, report.delaySinceLastSenderReport);
    at += REPORT_BLOCK_BYTES;
  }
  return at;
}

/** §6.4.1: version 2, no padding, the count, the type, the length in words less one. */
function writeHeader(
  view: DataView,
  offset: number,
  type: number,
  count: number,
  end: number,
): number {
  view.setUint8(offset, 0x80 | count);
  view.setUint8(offset + 1, type);
  view.setUint16(offset + 2, (end - offset) / 4 - 1);
  return end;
}

function viewOf(buffer: Uint8Array): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}
