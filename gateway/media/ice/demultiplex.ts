/**
 * Which protocol a datagram on a WebRTC port belongs to: RFC 7983 §7 by the first byte, RFC 5761
 * §4 for RTP and RTCP on one port. A few comparisons, for it runs once for each packet.
 */
import { isStun } from "../../stun/stun.ts";

export type DatagramKind = "stun" | "dtls" | "rtp" | "rtcp" | "unknown";

/** The shortest of each kind: RTP and RTCP headers, and a DTLS record's. */
const RTP_BYTES_MIN = 12;
const RTCP_BYTES_MIN = 8;
const DTLS_BYTES_MIN = 13;

export function classify(datagram: Uint8Array): DatagramKind {
  const first = datagram[0] ?? 0xff;
  if (first >= 128 && first <= 191) {
    // RTCP packet types 192 to 223 are RTP payload types 64 to 95, which RFC 5761 keeps free.
    const second = datagram[1] ?? 0;
    if (second >= 192 && second <= 223) {
      return datagram.length >= RTCP_BYTES_MIN ? "rtcp" : "unknown";
    }
    return datagram.length >= RTP_BYTES_MIN ? "rtp" : "unknown";
  }
  if (first >= 20 && first <= 63) return datagram.length >= DTLS_BYTES_MIN ? "dtls" : "unknown";
  if (first <= 3) return isStun(datagram) ? "stun" : "unknown";
  return "unknown";
}
