/**
 * RTCP extended reports, RFC 3611: receiver reference time (§4.4), its echo (DLRR, §4.5) and VoIP
 * metrics (§4.7). Other blocks are skipped by their length. They are only sent where SDP asked for
 * them (§5). Above: rtcp-packet reads them within a compound, control-reports sends them.
 */

export const EXTENDED_REPORT = 207;
const RECEIVER_REFERENCE_TIME = 4;
const DELAY_SINCE_LAST_REFERENCE = 5;
const VOIP_METRICS = 7;
const VOIP_METRICS_WORDS = 8;
/** §4.7: what these fields hold where nothing is known. */
const UNKNOWN = 127;

/** What a receiver says of how speech arrived, §4.7; milliseconds, shares 0 to 1. */
export interface VoipMetrics {
  /** The stream it is about. */
  ssrc: number;
  lossShare: number;
  discardShare: number;
  burstDensity: number;
  gapDensity: number;
  burstMs: number;
  gapMs: number;
  roundTripMs: number;
  endSystemDelayMs: number;
  /** R and MOS-CQ as the receiver counts them; undefined where it doesn't. */
  rating?: number;
  conversationalMos?: number;
}

/** A receiver reference time that came back (§4.5), like the fields of a report block. */
export interface ReferenceEcho {
  ssrc: number;
  lastSenderReport: number;
  delaySinceLastSenderReport: number;
}

export interface ExtendedReport {
  type: "extended-report";
  ssrc: number;
  referenceTime?: { ntpSeconds: number; ntpFraction: number };
  echoes: ReferenceEcho[];
  voip: VoipMetrics[];
}

/** `view` is one packet without padding; undefined where a block runs past the end. */
export function readExtendedReport(view: DataView): ExtendedReport | undefined {
  if (view.byteLength < 8) return undefined;
  const report: ExtendedReport = {
    type: "extended-report",
    ssrc: view.getUint32(4),
    echoes: [],
    voip: [],
  };
  for (let at = 8; at < view.byteLength; ) {
    if (at + 4 > view.byteLength) return undefined;
    const words = view.getUint16(at + 2);
    const end = at + 4 + 4 * words;
    if (end > view.byteLength) return undefined;
    const type = view.getUint8(at);
    if (type === RECEIVER_REFERENCE_TIME && words === 2) {
      const [ntpSeconds, ntpFraction] = [view.getUint32(at + 4), view.getUint32(at + 8)];
      report.referenceTime = { ntpSeconds, ntpFraction };
    } else if (type === DELAY_SINCE_LAST_REFERENCE) {
      for (let echo = at + 4; echo + 12 <= end; echo += 12) {
        report.echoes.push({
          ssrc: view.getUint32(echo),
          lastSenderReport: view.getUint32(echo + 4),
          delaySinceLastSenderReport: view.getUint32(echo + 8),
        });
      }
    } else if (type === VOIP_METRICS && words === VOIP_METRICS_WORDS) {
      report.voip.push(readVoipMetrics(view, at));
    }
    at = end;
  }
  return report;
}

function readVoipMetrics(view: DataView, at: number): VoipMetrics {
  const share = (offset: number) => view.getUint8(at + offset) / 256;
  const rating = view.getUint8(at + 24);
  const mos = view.getUint8(at + 27);
  return {
    ssrc: view.getUint32(at + 4),
    lossShare: share(8),
    discardShare: share(9),
    burstDensity: share(10),
    gapDensity: share(11),
    burstMs: view.getUint16(at + 12),
    gapMs: view.getUint16(at + 14),
    roundTripMs: view.getUint16(at + 16),
    endSystemDelayMs: view.getUint16(at + 18),
    ...(rating === UNKNOWN ? {} : { rating }),
    ...(mos === UNKNOWN ? {} : { conversationalMos: mos / 10 }),
  };
}

/**
 * Appends an extended report to the compound in `buffer` at `offset` and returns where the next
 * packet goes. Blocks that are absent are left out.
 */
export function writeExtendedReport(
  buffer: Uint8Array,
  offset: number,
  { ssrc, referenceTime, echoes, voip }: Omit<ExtendedReport, "type">,
): number {
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
  view.setUint32(offset + 4, ssrc);
  let at = offset + 8;
  if (referenceTime) {
    at = block(view, at, RECEIVER_REFERENCE_TIME, [
      referenceTime.ntpSeconds,
      referenceTime.ntpFraction,
    ]);
  }
  if (echoes.length > 0) {
    const words = echoes.flatMap((it) => [
      it.ssrc,
      it.lastSenderReport,
      it.delaySinceLastSenderReport,
    ]);
    at = block(view, at, DELAY_SINCE_LAST_REFERENCE, words);
  }
  for (const metrics of voip) at = block(view, at, VOIP_METRICS, voipWords(metrics));
  view.setUint8(offset, 0x80);
  view.setUint8(offset + 1, EXTENDED_REPORT);
  view.setUint16(offset + 2, (at - offset) / 4 - 1);
  return at;
}

function block(view: DataView, at: number, type: number, words: readonly number[]): number {
  view.setUint32(at, ((type << 24) | words.length) >>> 0);
  words.forEach((word, index) => {
    view.setUint32(at + 4 + 4 * index, word >>> 0);
  });
  return at + 4 + 4 * words.length;
}

function voipWords(metrics: VoipMetrics): number[] {
  const share = (value: number) => Math.min(255, Math.floor(value * 256));
  const duration = (value: number) => Math.min(0xffff, Math.round(value));
  const mos = metrics.conversationalMos;
  return [
    metrics.ssrc,
    bytes(
      share(metrics.lossShare),
      share(metrics.discardShare),
      share(metrics.burstDensity),
      share(metrics.gapDensity),
    ),
    halves(duration(metrics.burstMs), duration(metrics.gapMs)),
    halves(duration(metrics.roundTripMs), duration(metrics.endSystemDelayMs)),
    // Signal and noise level, echo return loss: not measured. Gmin is 16 (§4.7.2).
    bytes(UNKNOWN, UNKNOWN, UNKNOWN, 16),
    bytes(
      metrics.rating === undefined ? UNKNOWN : Math.min(100, Math.round(metrics.rating)),
      UNKNOWN,
      UNKNOWN,
      mos === undefined ? UNKNOWN : Math.round(mos * 10),
    ),
    // Receiver configuration: standard concealment; its jitter buffer adapts and is empty.
    halves(0b1111_0000 << 8, 0),
    halves(0, 0),
  ];
}

function bytes(a: number, b: number, c: number, d: number): number {
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

function halves(a: number, b: number): number {
  return ((a << 16) | b) >>> 0;
}
