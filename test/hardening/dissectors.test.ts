/**
 * What our STUN and RTP readers accept beside what Wireshark's dissectors make of it (P14): vectors
 * and their mutations. A difference has a rule below that can be checked on the octets, or it fails.
 */
import { expect, test } from "bun:test";
import { classify } from "../../gateway/media/ice/demultiplex.ts";
import { RtpHeader, readHeader } from "../../gateway/media/rtp/rtp-packet.ts";
import { readStun } from "../../gateway/stun/stun.ts";
import { scaled } from "../rigs/scale.ts";
import { type Dissection, dissect } from "../rigs/tshark.ts";
import { mutate, repairedStun, seededChance } from "../unit/media/chance.ts";
import vectors from "../vectors/rfc5769.json";

const SEED = Number(process.env["JACKFIELD_SEED"] ?? 5_769);
const withTshark = test.skipIf(Bun.which("tshark") === null);

interface Rule {
  readonly name: string;
  readonly why: string;
  readonly holds: (datagram: Uint8Array, theirs: Dissection) => boolean;
}

interface Attribute {
  type: number;
  length: number;
  /** The second octet of its value: the family, of an address. */
  family: number;
}

/** The attributes of a STUN message; "cut" where one runs past its end. */
function attributesOf(datagram: Uint8Array): Attribute[] | "cut" {
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.length);
  const attributes: Attribute[] = [];
  for (let at = 20; at < datagram.length; ) {
    if (at + 4 > datagram.length) return "cut";
    const [type, length] = [view.getUint16(at), view.getUint16(at + 2)];
    const family = datagram[at + 5] ?? 0;
    at += 4 + Math.ceil(length / 4) * 4;
    if (at > datagram.length) return "cut";
    attributes.push({ type, length, family });
  }
  return attributes;
}

/** RFC 8489 §14 and RFC 8445 §16.1: attributes whose value has one size, or one of two. */
const SIZES: Readonly<Record<number, readonly number[]>> = {
  8: [20],
  32: [8, 20],
  36: [4],
  37: [0],
  32808: [4],
  32809: [8],
  32810: [8],
};
const XOR_MAPPED_ADDRESS = 0x0020;
const FINGERPRINT = 0x8028;
/** Those RFC 8445 uses, SOFTWARE and FINGERPRINT: the ones a check may have. */
const OURS = new Set([0x0006, 0x0008, 0x0009, 0x000a, 0x0020, 0x0024, 0x0025]);
const OPTIONAL = new Set([0x8022, FINGERPRINT, 0x8029, 0x802a]);

function hasAttribute(datagram: Uint8Array, is: (attribute: Attribute) => boolean): boolean {
  const attributes = attributesOf(datagram);
  return attributes !== "cut" && attributes.some(is);
}

const WE_REFUSE_STUN: readonly Rule[] = [
  {
    name: "an attribute past the end",
    why: "§14: what is cut is malformed; a dissector shows what there is",
    holds: (datagram) => attributesOf(datagram) === "cut",
  },
  {
    name: "a header length that is not the datagram's",
    why: "§5: the length counts everything behind the header",
    holds: (datagram) => ((datagram[2] ?? 0) << 8) + (datagram[3] ?? 0) !== datagram.length - 20,
  },
  {
    name: "a value of the wrong size",
    why: "§14: priority, roles, addresses and codes have one",
    holds: (datagram) =>
      hasAttribute(datagram, ({ type, length }) => SIZES[type]?.includes(length) === false),
  },
  {
    name: "an address of no family",
    why: "§14.2: 1 is IPv4 and has 4 octets, 2 is IPv6 and has 16",
    holds: (datagram) =>
      hasAttribute(
        datagram,
        ({ type, length, family }) =>
          type === XOR_MAPPED_ADDRESS && family !== (length === 8 ? 1 : 2),
      ),
  },
  {
    name: "something behind FINGERPRINT",
    why: "§14.7: it must be the last",
    holds: (datagram) => {
      const attributes = attributesOf(datagram);
      const at =
        attributes === "cut" ? -1 : attributes.findIndex(({ type }) => type === FINGERPRINT);
      return at >= 0 && at < attributes.length - 1;
    },
  },
];

const THEY_REFUSE_STUN: readonly Rule[] = [
  {
    name: "unknown attributes",
    why: "§6.3.1: those that must be understood get 420, others are ignored",
    holds: (_datagram, { remarks }) => remarks.some((it) => it.startsWith("Unknown attribute")),
  },
  {
    name: "attributes a check has no use for",
    why: "§6.3.1: not read here, refused or skipped; Wireshark looks into them",
    holds: (datagram, { isMalformed }) =>
      isMalformed && hasAttribute(datagram, ({ type }) => !OURS.has(type) && !OPTIONAL.has(type)),
  },
  {
    name: "padding that is not zero",
    why: "§14: padding may have any value, and RFC 5769 pads with spaces",
    holds: (_datagram, { remarks }) => remarks.includes("Trailing stray characters"),
  },
  {
    name: "methods it does not know",
    why: "§5: a method is any 12 bits; we read it and answer Binding alone",
    holds: (datagram, { protocols }) => {
      const type = ((datagram[0] ?? 0) << 8) | (datagram[1] ?? 0);
      return !protocols.includes("stun") && (type & ~0x0110) !== 0x0001;
    },
  },
];

/** RFC 3550 §5.1: octets before the payload, contributing sources and extension with them. */
function headBytes(datagram: Uint8Array): number {
  const [first = 0] = datagram;
  const sources = 12 + 4 * (first & 0x0f);
  const words = ((datagram[sources + 2] ?? 0) << 8) | (datagram[sources + 3] ?? 0);
  return sources + (first & 0x10 ? 4 + 4 * words : 0);
}

/** The last octet says how many are padding. */
function hasWrongPadding(datagram: Uint8Array): boolean {
  const padding = datagram.at(-1) ?? 0;
  const room = datagram.length - headBytes(datagram);
  return ((datagram[0] ?? 0) & 0x20) !== 0 && (padding === 0 || padding > room);
}

const WE_REFUSE_RTP: readonly Rule[] = [
  {
    name: "padding longer than the packet, or none",
    why: "RFC 3550 appendix A.1: the last octet counts itself and fits; a dissector shows it all the same",
    holds: hasWrongPadding,
  },
  {
    name: "a head that runs past the end",
    why: "§5.3.1: what is cut is dropped; a dissector shows what there is",
    holds: (datagram) => headBytes(datagram) > datagram.length,
  },
  {
    name: "payload types of RTCP",
    why: "RFC 5761 §4: 64 to 95 with a marker are RTCP on a port both share",
    holds: (datagram) => (datagram[1] ?? 0) >= 192 && (datagram[1] ?? 0) <= 223,
  },
];

const THEY_REFUSE_RTP: readonly Rule[] = [
  {
    name: "payloads it reads as something",
    why: "what a payload type means is in the SDP; Wireshark guesses and finds it cut",
    holds: (datagram, { isMalformed, protocols }) =>
      isMalformed && (protocols.at(-1) !== "rtp" || ((datagram[1] ?? 0) & 0x7f) >= 96),
  },
];

const stunVectors = vectors.map(({ hex }) => Uint8Array.fromHex(hex));
/** Plain, with padding, and with contributing sources, an extension and padding. */
const rtpVectors = [
  `8009fedcfedcba9889abcdef${"55".repeat(40)}`,
  `a000fedcfedcba9889abcdef${"55".repeat(20)}00000004`,
  `b3000001000000020000000a${"0000000b0000000c0000000d"}bede000211223344556677880102030405000003`,
].map((hex) => Uint8Array.fromHex(hex));

function mutated(seeds: readonly Uint8Array[], count: number): Uint8Array[] {
  const chance = seededChance(SEED);
  const pick = () => seeds[Math.floor(chance() * seeds.length)] ?? new Uint8Array();
  return Array.from({ length: count }, () => mutate(pick(), chance)).filter(
    (datagram) => datagram.length > 0,
  );
}

/** Compares one protocol; returns what no rule explains. */
function differences(
  protocol: string,
  datagrams: readonly Uint8Array[],
  accepts: (datagram: Uint8Array) => boolean,
  weRefuse: readonly Rule[],
  theyRefuse: readonly Rule[],
): string[] {
  const dissections = dissect(datagrams, 34_780, protocol);
  expect(dissections.length).toBe(datagrams.length);
  const counts = new Map<string, number>();
  const unexplained: string[] = [];
  let accepted = 0;
  for (const [index, theirs] of dissections.entries()) {
    const datagram = datagrams[index] ?? new Uint8Array();
    const isTheirs =
      theirs.protocols.includes(protocol) && !theirs.isMalformed && theirs.remarks.length === 0;
    const isOurs = accepts(datagram);
    if (isOurs) accepted += 1;
    if (isOurs === isTheirs) continue;
    const rule = (isOurs ? theyRefuse : weRefuse).find(({ holds }) => holds(datagram, theirs));
    if (rule) counts.set(rule.name, (counts.get(rule.name) ?? 0) + 1);
    else unexplained.push(`ours ${isOurs}: ${JSON.stringify(theirs)} ${datagram.toHex()}`);
  }
  console.log(`P14 ${protocol}: ${datagrams.length}, ${accepted} accepted; different:`, counts);
  expect(accepted).toBeGreaterThan(datagrams.length / 20);
  expect(accepted).toBeLessThan(datagrams.length);
  return unexplained;
}

withTshark("P14 STUN: what we and Wireshark take for it", () => {
  const count = scaled("P14 STUN datagrams", 40_000, 0.02);
  const whole = mutated(stunVectors, count);
  const datagrams = [...stunVectors, ...whole, ...whole.map((it) => repairedStun(it))];
  const accepts = (datagram: Uint8Array) => {
    const message = readStun(datagram);
    return message !== undefined && message.fingerprint !== "wrong";
  };
  expect(differences("stun", datagrams, accepts, WE_REFUSE_STUN, THEY_REFUSE_STUN)).toEqual([]);
});

withTshark("P14 RTP: what we and Wireshark take for it", () => {
  const count = scaled("P14 RTP packets", 40_000, 0.02);
  const datagrams = [...rtpVectors, ...mutated(rtpVectors, count)];
  const accepts = (datagram: Uint8Array) =>
    classify(datagram) === "rtp" && readHeader(datagram, datagram.length, new RtpHeader());
  expect(differences("rtp", datagrams, accepts, WE_REFUSE_RTP, THEY_REFUSE_RTP)).toEqual([]);
});
