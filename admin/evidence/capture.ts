/**
 * A call's messages as a capture file (pcap, raw IP): each as one UDP packet between the addresses
 * it went between, whatever carried it, so that any SIP tool reads it. Secrets are masked already.
 */
import { parseAddress } from "../../gateway/address.ts";
import type { CallTrace, TracedMessage, TracedParty } from "../../gateway/b2bua/call-trace.ts";

/** LINKTYPE_RAW: a packet begins with its IP header. */
const LINK_RAW = 101;
const MAGIC = 0xa1b2c3d4;
const PACKET_BYTES_MAX = 65_535;
const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const UDP_HEADER = 8;
const UDP = 17;
/** What a stream or a WebSocket carried is shown on SIP's own port: else no tool looks for it. */
const SIP_PORT = 5_060;

export function captureOf(trace: CallTrace): Uint8Array<ArrayBuffer> {
  const records = trace.messages.flatMap((message) => {
    const party = trace.parties[message.party];
    return party ? [recordOf(message, party)] : [];
  });
  const size = records.reduce((sum, { length }) => sum + length, 24);
  const file = new Uint8Array(size);
  const view = new DataView(file.buffer);
  view.setUint32(0, MAGIC);
  view.setUint16(4, 2);
  view.setUint16(6, 4);
  view.setUint32(16, PACKET_BYTES_MAX);
  view.setUint32(20, LINK_RAW);
  let offset = 24;
  for (const record of records) {
    file.set(record, offset);
    offset += record.length;
  }
  return file;
}

function recordOf({ at, direction, text }: TracedMessage, party: TracedParty): Uint8Array {
  const packet = packetOf(text, direction === "sent", party);
  const record = new Uint8Array(16 + packet.length);
  const view = new DataView(record.buffer);
  view.setUint32(0, Math.floor(at / 1_000));
  view.setUint32(4, Math.floor(at % 1_000) * 1_000);
  view.setUint32(8, packet.length);
  view.setUint32(12, packet.length);
  record.set(packet, 16);
  return record;
}

function packetOf(text: string, isSent: boolean, { transport, local, remote }: TracedParty) {
  const ours = {
    bytes: addressBytes(local.address),
    port: transport === "udp" ? local.port : SIP_PORT,
  };
  const theirs = { bytes: addressBytes(remote.address), port: remote.port };
  const isV6 = (ours.bytes ?? theirs.bytes)?.length === 16 || theirs.bytes?.length === 16;
  const width = isV6 ? 16 : 4;
  const fitting = (bytes: Uint8Array | undefined) =>
    bytes?.length === width ? bytes : new Uint8Array(width);
  const [source, target] = isSent ? [ours, theirs] : [theirs, ours];
  const header = isV6 ? IPV6_HEADER : IPV4_HEADER;
  const payload = new TextEncoder()
    .encode(text)
    .subarray(0, PACKET_BYTES_MAX - header - UDP_HEADER);
  const packet = new Uint8Array(header + UDP_HEADER + payload.length);
  const view = new DataView(packet.buffer);
  const udpLength = UDP_HEADER + payload.length;
  const addresses = isV6 ? 8 : 12;
  packet.set(fitting(source.bytes), addresses);
  packet.set(fitting(target.bytes), addresses + width);
  view.setUint16(header, source.port);
  view.setUint16(header + 2, target.port);
  view.setUint16(header + 4, udpLength);
  packet.set(payload, header + UDP_HEADER);
  const pseudo = sumOf(packet.subarray(addresses, addresses + 2 * width)) + UDP + udpLength;
  view.setUint16(header + 6, folded(pseudo + sumOf(packet.subarray(header))) || 0xffff);
  if (isV6) {
    view.setUint32(0, 0x60000000);
    view.setUint16(4, udpLength);
    packet[6] = UDP;
    packet[7] = 64;
  } else {
    view.setUint16(0, 0x4500);
    view.setUint16(2, packet.length);
    packet[8] = 64;
    packet[9] = UDP;
    view.setUint16(10, folded(sumOf(packet.subarray(0, IPV4_HEADER))));
  }
  return packet;
}

/** RFC 1071. */
function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2)
    sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  return sum;
}

function folded(sum: number): number {
  let left = sum;
  while (left > 0xffff) left = (left & 0xffff) + Math.floor(left / 0x10000);
  return ~left & 0xffff;
}

/** 4 or 16 bytes of a literal; undefined for what is none. */
function addressBytes(text: string): Uint8Array | undefined {
  const address = parseAddress(text);
  if (!address) return undefined;
  const width = address.family === 4 ? 4 : 16;
  const bytes = new Uint8Array(width);
  let value = address.value;
  for (let at = width - 1; at >= 0; at -= 1) {
    bytes[at] = Number(value & 0xffn);
    value >>= 8n;
  }
  return bytes;
}
