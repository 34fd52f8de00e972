/** How a softphone describes its audio over WebRTC (RFC 8829 in the small): one stream, one candidate. */
import type { Fingerprint, IceCredentials } from "../media/protocol.ts";

export interface AudioDescription {
  readonly address: string;
  readonly port: number;
  readonly ssrc: number;
  /** Of the session, counted up with each description (RFC 3264 §5). */
  readonly version: number;
  readonly setup: "actpass" | "active" | "passive";
  readonly ice: IceCredentials;
  readonly fingerprint: Fingerprint;
  readonly payloadType: number;
  /** `opus/48000/2`. */
  readonly map: string;
  /** Telephone-events besides, at that payload type and clock. */
  readonly events?: { readonly payloadType: number; readonly clock: number } | undefined;
}

export function describeAudio(audio: AudioDescription): string {
  const { address, port, ssrc, payloadType, map, events, ice, fingerprint } = audio;
  const where = `IN ${address.includes(":") ? "IP6" : "IP4"} ${address}`;
  return [
    "v=0",
    `o=- ${port}${ssrc} ${audio.version} ${where}`,
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0",
    `m=audio ${port} UDP/TLS/RTP/SAVPF ${payloadType}${events ? ` ${events.payloadType}` : ""}`,
    `c=${where}`,
    "a=mid:0",
    "a=sendrecv",
    "a=rtcp-mux",
    `a=rtpmap:${payloadType} ${map}`,
    ...(map.startsWith("opus") ? [`a=fmtp:${payloadType} minptime=10;useinbandfec=1`] : []),
    ...(events ? [`a=rtpmap:${events.payloadType} telephone-event/${events.clock}`] : []),
    "a=ptime:20",
    `a=ice-ufrag:${ice.ufrag}`,
    `a=ice-pwd:${ice.password}`,
    `a=fingerprint:${fingerprint.algorithm} ${fingerprint.value}`,
    `a=setup:${audio.setup}`,
    `a=candidate:1 1 udp 2130706431 ${address} ${port} typ host`,
    "a=end-of-candidates",
    `a=ssrc:${ssrc} cname:phone`,
    "",
  ].join("\r\n");
}
