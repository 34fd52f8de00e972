/**
 * Smuggling (P12): whatever a softphone or a PBX writes into the parts of a request that are carried
 * across, the other side gets the headers it would have got anyway, each once, and no other.
 */
import { expect, test } from "bun:test";
import { utf8 } from "../../gateway/bytes.ts";
import type { Flow } from "../../gateway/sip/flow.ts";
import type { SipRequest } from "../../gateway/sip/message.ts";
import { scaled } from "../rigs/scale.ts";
import { Desk, type Sent } from "../sim/desk.ts";
import { type SeededRandom, seededRandom } from "../sim/random.ts";

const SEED = Number(process.env["JACKFIELD_SEED"] ?? 93);
const SDP =
  "v=0\r\no=- 1 1 IN IP4 10.0.0.50\r\ns=-\r\nc=IN IP4 10.0.0.50\r\nt=0 0\r\nm=audio 4000 RTP/AVP 9 8\r\n";
const BROWSER_SDP = `${SDP.replace("RTP/AVP 9 8", "UDP/TLS/RTP/SAVPF 9")}a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 ${"AA:".repeat(31)}AA\r\na=setup:actpass\r\na=rtcp-mux\r\na=rtpmap:9 G722/8000\r\n`;

/** What ends lines, quotes and values for somebody, raw, escaped, and in octets that are no UTF-8. */
const POISON: readonly Uint8Array[] = [
  ...["%0d%0aX-Injected: 1", "%0D%0AVia: evil", "\r\nX-Injected: 1", "\nX-Injected: 1", "\r\r\n"],
  ...["\u2028X-Injected: 1", "\u0085", "\u0000", "%00", '"', '\\"', "\\", ">", "<", ";tag=x", ","],
  ...[
    "\r\n\r\nINVITE sip:x@y SIP/2.0\r\n",
    "\\\r\n",
    '\\"\r\nX-Injected: 1\r\nX: "',
    "?Route=%3Cx%3E",
  ],
  ...["\t", "a b", "%", "%zz", "\u202e", "é", "$(id)", "%s%n"],
].map(utf8);
const OVERLONG = [
  new Uint8Array([0xc0, 0x8d, 0xc0, 0x8a]),
  new Uint8Array([0xe0, 0x80, 0x8d]),
  new Uint8Array([0xff, 0xfe]),
];

function poisoned(random: SeededRandom): Uint8Array {
  const pieces = Array.from({ length: 1 + random.below(3) }, () =>
    random.below(8) === 0 ? random.pick(OVERLONG) : random.pick(POISON),
  );
  return Buffer.concat([utf8("a"), ...pieces, utf8("z")]);
}

const PLACES = [
  "number",
  "user",
  "domain",
  "name",
  "contact",
  "param",
  "subject",
  "diversion",
  "pai",
  "agent",
] as const;

/** An INVITE with poison in one place, or none. */
function invite(
  from: string,
  to: string,
  place: (typeof PLACES)[number] | undefined,
  poison: Uint8Array,
  sdp: string,
  id: number,
): Uint8Array {
  const at = (here: (typeof PLACES)[number], plain: string) =>
    here === place ? Buffer.concat([utf8(plain), poison]) : utf8(plain);
  const parts = [
    "INVITE sip:",
    at("number", to),
    "@gateway SIP/2.0\r\n",
    `Via: SIP/2.0/UDP 10.0.0.50;branch=z9hG4bK${id}\r\nMax-Forwards: 70\r\n`,
    'From: "',
    at("name", "A"),
    '" <sip:',
    at("user", from),
    "@",
    at("domain", "gateway"),
    `>;tag=${id}`,
    at("param", ";x=y"),
    `\r\nTo: <sip:${to}@gateway>\r\nCall-ID: c${id}\r\nCSeq: 1 INVITE\r\n`,
    "Contact: <sip:",
    at("contact", from),
    "@10.0.0.50>\r\nSubject: ",
    at("subject", "s"),
    "\r\nUser-Agent: ",
    at("agent", "u"),
    "\r\nDiversion: <sip:",
    at("diversion", "d"),
    "@gateway>\r\nP-Asserted-Identity: <sip:",
    at("pai", from),
    "@gateway>\r\n",
    `Content-Type: application/sdp\r\nContent-Length: ${sdp.length}\r\n\r\n${sdp}`,
  ];
  return Buffer.concat(parts.map((it) => (typeof it === "string" ? utf8(it) : it)));
}

const outgoing = (sent: readonly Sent[], flow: Flow) =>
  sent.filter((it) => it.flow !== flow.id && it.text.startsWith("INVITE "));

/** Names of its headers, as often as they stand there. */
const namesIn = ({ text }: Sent) =>
  text
    .slice(0, text.indexOf("\r\n\r\n"))
    .split("\r\n")
    .slice(1)
    .map((it) => it.split(":")[0])
    .sort();

function check(it: Sent, expected: readonly (string | undefined)[], told: string): void {
  const names = namesIn(it);
  const strange = names.filter((name) => !expected.includes(name));
  const text = it.text.slice(0, it.text.indexOf("\r\n\r\n"));
  const isClean = !text.includes("\u0000") && !/\u2028|\r(?!\n)|[^\r]\n/.test(text);
  const request = it.message as SipRequest | undefined;
  if (strange.length > 0 || new Set(names).size !== names.length || !isClean || !request) {
    throw new Error(`${told}\n${it.text}`);
  }
}

function play(side: "softphone" | "PBX", count: number): Record<string, number> {
  const random = seededRandom(SEED);
  const tally = { carried: 0, refused: 0, silent: 0 };
  const fresh = () => {
    const desk = new Desk();
    const socket = desk.socket();
    const register = (headers: string) =>
      `REGISTER sip:gateway SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bK${headers.length}\r\nFrom: <sip:alice@gateway>;tag=r\r\nTo: <sip:alice@gateway>\r\nCall-ID: r\r\nCSeq: ${1 + headers.length} REGISTER\r\nContact: <sip:alice@x.invalid;transport=ws>\r\n${headers}Content-Length: 0\r\n\r\n`;
    desk.prove(socket, "alice", register);
    return { desk, flow: side === "PBX" ? desk.pbx : socket };
  };
  const [from, to, sdp] = side === "PBX" ? ["250", "alice", SDP] : ["alice", "250", BROWSER_SDP];
  let { desk, flow } = fresh();
  const [plain] = outgoing(desk.say(flow, invite(from, to, undefined, utf8(""), sdp, 0)), flow);
  if (!plain) throw new Error("a plain call does not get through");
  const expected = namesIn(plain);
  for (let index = 1; index <= count; index++) {
    // A desk full of calls that ring is slow, and a busy source is not listened to.
    if (index % 20 === 0) ({ desk, flow } = fresh());
    const poison = poisoned(random);
    const place = random.pick(PLACES);
    const sent = desk.say(flow, invite(from, to, place, poison, sdp, index));
    const told = `JACKFIELD_SEED=${SEED}, ${index}, ${place}: ${JSON.stringify(new TextDecoder("latin1").decode(poison))}`;
    const calls = outgoing(sent, flow);
    for (const it of calls) check(it, expected, told);
    if (calls.length > 0) tally.carried += 1;
    else if (sent.some(({ text }) => /^SIP\/2\.0 [45]/.test(text))) tally.refused += 1;
    else tally.silent += 1;
  }
  return tally;
}

test.each([
  "softphone",
  "PBX",
] as const)("P12 nothing is smuggled through a call by a %s", (side) => {
  const count = scaled(`P12 values from a ${side}`, 500_000, 0.006);
  const tally = play(side, count);
  console.log(`P12 ${side}:`, tally);
  expect(tally["carried"]).toBeGreaterThan(count / 10);
  expect(tally["refused"]).toBeGreaterThan(count / 10);
});
