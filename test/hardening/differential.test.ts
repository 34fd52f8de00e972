/**
 * What we accept beside what Kamailio accepts (P14): RFC 4475, what the grammar can write, and both
 * mutated. Where the two differ, whoever refused said why, and its reason is in the list below.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { utf8 } from "../../gateway/bytes.ts";
import { parseMessage } from "../../gateway/sip/parse.ts";
import { KamailioJudge } from "../rigs/kamailio-judge.ts";
import { scaled } from "../rigs/scale.ts";
import { mutate } from "../sim/mutate.ts";
import { seededRandom } from "../sim/random.ts";
import { generateMessage } from "../sim/sip-grammar.ts";

const SEED = Number(process.env["JACKFIELD_SEED"] ?? 563);
const PORT = 25_340;
const vectors = join(import.meta.dir, "../vectors/rfc4475");

interface Rule {
  readonly name: string;
  /** What the one that refuses says. */
  readonly said: RegExp;
  readonly why: string;
}

/** We accept it, Kamailio does not. */
const KAMAILIO_REFUSES: readonly Rule[] = [
  {
    name: "header names",
    said: /parse_sip_header_name\(\): invalid header name/,
    why: "§25.1: a header name is any token; Kamailio knows letters, digits and a few marks",
  },
  {
    name: "folded CSeq",
    said: /parse_cseq\(\): no method found/,
    why: "§25.1: LWS between number and method may be folded (wsinv); Kamailio reads one line",
  },
  {
    name: "folded or quoted lists",
    said: /invalid start of header name/,
    why: "a continuation or a quoted line of a list is taken for a header by Kamailio",
  },
  {
    name: "white space and quotes in Via",
    said: /parse_via(_param)?\(\): (bad char|parsing via on|invalid char|invalid port|invalid via|failure parsing)/,
    why: "§25.1: LWS round every separator, tokens as protocols, quoted values; a lone `branch` or semicolon means nothing and is left out",
  },
  {
    name: "texts of From and To",
    said: /(parse_to_param|parse_addr_spec)\(\): unexpected/,
    why: "§25.1: names and parameters are tokens, hosts or quoted strings, escaped and folded; Kamailio has fewer characters. An empty parameter says nothing",
  },
  {
    name: "quoted-pairs in Contact",
    said: /parse_param2?\(\)|parse_contacts?\(\)|skip_(name|uri)\(\)|contact\.c/,
    why: "§25.1: escaped quotes and backslashes in display names and parameters; and a response's Contact we read when it is used, not before",
  },
  {
    name: "URIs in From, To and Contact",
    said: /failed to parse (To|From|Contact) (uri|header)/,
    why: "§20.10: any absoluteURI may stand there; one that can't be read is refused by whoever needs it, and until then it is only repeated",
  },
  {
    name: "Request-URIs of other schemes",
    said: /check_ruri_scheme\(\)|CHECK scheme/,
    why: "§8.2.2.1: another scheme gets 416 from the layer above; in the user part we take literally what should be escaped, and escape it when we send",
  },
  {
    name: "no Content-Length, or less than came",
    said: /content length header missing|CHECK Content-Length/i,
    why: "§18.3: over UDP it may be missing, and octets behind the body are dropped (dblreq)",
  },
  {
    name: "leading zeros",
    said: /CHECK (CSeq number|Expires)/,
    why: "§25.1: 1*DIGIT; Kamailio counts digits where we count the value",
  },
  {
    name: "a status line without its last space",
    said: /parse_first_line\(\): parse_first_line: bad message/,
    why: "RFC 4475 §3.1.1.13 (noreason) has the space and no reason; old stacks leave out both",
  },
  {
    name: "Retry-After",
    said: /parse_retry_after/,
    why: "a response is not dropped for a number that only its user reads",
  },
];

/** Kamailio accepts it, we do not. */
const WE_REFUSE: readonly Rule[] = [
  {
    name: "octets outside the grammar",
    said: /^(Via|From|To|Call-ID|Contact|the Request-URI|the status line) is malformed$/,
    why: "RFC 4475 §3.1.2.13 to 15 and §25.1: control characters, spaces in an addr-spec, a parameter twice, hosts that are none; Kamailio passes them on",
  },
  {
    name: "lines that end otherwise",
    said: /^(a header line is malformed|no empty line ends the head)$/,
    why: "§7: lines end with CR LF; Kamailio also ends them at a bare LF or CR, and two readings are one too many (ES2020-01)",
  },
  {
    name: "headers in the Request-URI",
    said: /may not carry headers/,
    why: "RFC 4475 §3.1.2.11 (escruri): they are never acted upon",
  },
  {
    name: "the request line",
    said: /METHOD URI SIP\/2\.0 with single spaces|^the method is no token|does not end with SIP\/2\.0/,
    why: "§7.1, RFC 4475 §3.1.2.9 and 10: single spaces and nothing else; Kamailio skips white space before, between and behind",
  },
  {
    name: "numbers",
    said: /is no number from 0 to|^CSeq is malformed$/,
    why: "RFC 4475 §3.1.2.4: whole and in range; Kamailio reads them when its script asks, as far as there are digits",
  },
  {
    name: "sizes",
    said: /is too (long|large)|too many headers/,
    why: "S14: what is kept and sent on has a bound of ours",
  },
  {
    name: "twice",
    said: /stands there twice/,
    why: "RFC 4475 §3.3.8: which of them counts would be a second reading",
  },
];

interface Trial {
  from: string;
  bytes: Uint8Array;
}

/** What phones and PBXs say all day: mutated, it stays near the border between yes and no. */
const PLAIN = [
  "INVITE sip:250@pbx.example.com;user=phone SIP/2.0",
  "REGISTER sip:pbx.example.com SIP/2.0",
  "BYE sip:250@192.0.2.7:5062;transport=udp SIP/2.0",
  "SIP/2.0 183 Session Progress",
  "SIP/2.0 200 OK",
  "SIP/2.0 302 Moved Temporarily",
].map((line) => {
  const method = /^[A-Z]+(?= )/.exec(line)?.[0] ?? "INVITE";
  const body = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n";
  return utf8(
    [
      line,
      "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKnashds8;rport",
      "Via: SIP/2.0/TCP edge.example.com;branch=z9hG4bK77ef4;received=192.0.2.9",
      "Max-Forwards: 69",
      "Record-Route: <sip:192.0.2.9;lr;ftag=1928>, <sip:edge.example.com;lr>",
      'From: "Alice \\"A\\" Smith" <sip:alice@example.com>;tag=1928301774',
      "To: Bob <sip:250@pbx.example.com>;tag=a6c85cf",
      "Call-ID: a84b4c76e66710@192.0.2.1",
      `CSeq: 314159 ${method}`,
      "Contact: <sip:alice@192.0.2.1:5060;transport=udp>;expires=300;q=0.7",
      "Supported: timer, 100rel",
      "Content-Type: application/sdp",
      `Content-Length: ${body.length}`,
      "",
      body,
    ].join("\r\n"),
  );
});

function trials(): Trial[] {
  const random = seededRandom(SEED);
  const files = readdirSync(vectors);
  const torture = files.map((file) => new Uint8Array(readFileSync(join(vectors, file))));
  const written = Array.from(
    { length: scaled("P14 valid messages", 20_000, 0.025) },
    () => generateMessage(random).bytes,
  );
  const mutations = Math.ceil(scaled("P14 mutated messages", 90_000, 0.05) / 3);
  const mutated = (seeds: readonly Uint8Array[]) =>
    Array.from({ length: mutations }, () => mutate(random.pick(seeds), random.pick(seeds), random));
  return [
    ...torture.map((bytes, index) => ({ from: files[index] ?? "", bytes })),
    ...PLAIN.map((bytes) => ({ from: "every day", bytes })),
    ...written.map((bytes) => ({ from: "the grammar", bytes })),
    ...mutated(PLAIN).map((bytes) => ({ from: "every day, mutated", bytes })),
    ...mutated(torture).map((bytes) => ({ from: "RFC 4475, mutated", bytes })),
    ...mutated(written).map((bytes) => ({ from: "the grammar, mutated", bytes })),
  ];
}

const withKamailio = test.skipIf(Bun.which("kamailio") === null);
let directory = "";
let judge: KamailioJudge | undefined;

beforeAll(async () => {
  if (Bun.which("kamailio") === null) return;
  directory = mkdtempSync(join(tmpdir(), "judge-"));
  judge = await KamailioJudge.start(directory, PORT);
});

afterAll(async () => {
  await judge?.stop();
  if (directory) rmSync(directory, { recursive: true, force: true });
});

withKamailio(
  "P14 what we accept and Kamailio does not, and the other way round, is explained",
  async () => {
    const all = trials();
    const verdicts = (await judge?.judge(all.map(({ bytes }) => bytes))) ?? [];
    const counts = new Map<string, number>();
    const unexplained: string[] = [];
    let agreed = 0;
    for (const [index, { from, bytes }] of all.entries()) {
      const verdict = verdicts[index];
      const ours = parseMessage(bytes);
      if (!verdict) throw new Error("a message without a verdict");
      if (ours.ok === verdict.accepted) {
        agreed += 1;
        continue;
      }
      const [rules, said] = ours.ok
        ? [KAMAILIO_REFUSES, verdict.lines]
        : [WE_REFUSE, [ours.reason]];
      const rule = rules.find((it) => said.some((line) => it.said.test(line)));
      if (rule) counts.set(rule.name, (counts.get(rule.name) ?? 0) + 1);
      else {
        const text = JSON.stringify(new TextDecoder("latin1").decode(bytes));
        unexplained.push(`${from}: ${said.join(" | ") || "not a word"}\n${text}`);
      }
    }
    console.log(`P14: ${all.length} messages, ${agreed} alike; different by rule:`, counts);
    // Both sides say no as well as yes: the comparison means something.
    expect(verdicts.filter(({ accepted }) => accepted).length).toBeGreaterThan(all.length / 10);
    expect(agreed).toBeGreaterThan(all.length / 2);
    expect(unexplained).toEqual([]);
  },
  600_000,
);
