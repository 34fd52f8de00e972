/**
 * S1: nobody calls out at the company's cost who isn't one of its users: not from elsewhere, not as a
 * PBX, not in a user's name, however the request is written.
 */
import { expect, test } from "bun:test";
import type { Flow } from "../../gateway/sip/flow.ts";
import { scaled } from "../rigs/scale.ts";
import { browserSdp } from "../rigs/signalling.ts";
import { Desk, flowFrom, requestsOf, type Sent, statusOf } from "../sim/desk.ts";
import { seededRandom } from "../sim/random.ts";

const SEED = Number(process.env["JACKFIELD_SEED"] ?? 31);
const NUMBERS = ["00442071838750", "9005551234", "+19005551234", "0088213000000", "250", "112"];
const ROUTES = ["", "Route: <sip:10.0.0.50;lr>\r\n", "Route: <sip:evil.example;lr>\r\n"];
const CLAIMS = [
  "",
  "P-Asserted-Identity: <sip:alice@gateway>\r\n",
  "Remote-Party-ID: <sip:alice@gateway>;party=calling;screen=yes\r\n",
  "X-Connection: PBX\r\nX-Account: alice\r\n",
  'Authorization: Digest username="alice", realm="gateway", nonce="1", uri="sip:x", response="0"\r\n',
  "Diversion: <sip:alice@gateway>;reason=unconditional\r\n",
];
const SDP =
  "v=0\r\no=- 1 1 IN IP4 10.0.0.50\r\ns=-\r\nc=IN IP4 10.0.0.50\r\nt=0 0\r\nm=audio 4000 RTP/AVP 9 8\r\n";

interface Attempt {
  readonly uri: string;
  readonly from: string;
  readonly more: string;
  readonly sdp?: string;
}

function invite(index: number, { uri, from, more, sdp = SDP }: Attempt): string {
  return [
    `INVITE ${uri} SIP/2.0`,
    `Via: SIP/2.0/UDP 10.0.0.50;branch=z9hG4bKfraud${index}`,
    "Max-Forwards: 70",
    `From: <${from}>;tag=${index}`,
    `To: <${uri}>`,
    `Call-ID: fraud-${index}`,
    "CSeq: 1 INVITE",
    `Contact: <${from}>`,
    `${more}Content-Type: application/sdp`,
    `Content-Length: ${sdp.length}\r\n\r\n${sdp}`,
  ].join("\r\n");
}

/** INVITEs that went anywhere but to a softphone. */
function calledOut(sent: readonly Sent[]): string[] {
  return sent
    .filter(({ flow }) => !flow.startsWith("ws "))
    .filter(({ text }) => text.startsWith("INVITE "))
    .map(({ flow, text }) => `${flow}: ${text.split("\r\n")[0]}`);
}

test("S1: a hundred thousand attempts from outside, as the PBX and in a user's name call nobody", () => {
  const random = seededRandom(SEED);
  const attempts = scaled("S1 attempts", 100_000, 0.5);
  const what = `JACKFIELD_SEED=${SEED}`;
  let desk = new Desk();
  const answers = new Map<number, number>();
  for (let index = 0; index < attempts; index++) {
    // Bans and limits would make all of it silence in the end.
    if (index % 500 === 0) desk = new Desk();
    const number = random.pick(NUMBERS);
    const flows: readonly (() => Flow)[] = [
      () => flowFrom(`10.66.${random.below(250)}.${random.below(250)}`),
      () => desk.pbx,
      () => desk.socket(),
    ];
    const attempt = {
      uri: random.pick([
        `sip:${number}@gateway`,
        `sip:${number}@10.0.0.1`,
        `sip:${number}@10.0.0.50`,
        `tel:${number}`,
        `sip:${number}@10.0.0.1;user=phone`,
        `sip:${number}%40evil.example@gateway`,
      ]),
      from: random.pick(["sip:alice@gateway", "sip:250@10.0.0.50", "sip:anybody@evil.example"]),
      more: random.pick(ROUTES) + random.pick(CLAIMS),
    };
    const sent = desk.say(random.pick(flows)(), invite(index, attempt));
    const later = random.fraction() < 0.1 ? desk.pass(1_000) : [];
    expect([what, index, attempt, calledOut([...sent, ...later])]).toEqual([
      ...[what, index, attempt, []],
    ]);
    for (const { message } of sent) {
      const status = message?.kind === "response" ? message.status : 0;
      answers.set(status, (answers.get(status) ?? 0) + 1);
    }
  }
  console.log(
    `S1: ${[...answers].map(([status, count]) => `${count} times ${status}`).join(", ")}`,
  );
  // Some were refused in words: what is tested is more than silence.
  expect([...answers.keys()].some((status) => status === 403)).toBe(true);
}, 600_000);

test("S1: who is nobody's gets a few refusals a second, then silence; and a user does call out", () => {
  const desk = new Desk();
  const stranger = flowFrom("10.66.0.1");
  const attempt = { uri: "sip:0044123@gateway", from: "sip:1@evil.example", more: "" };
  const answers = Array.from({ length: 100 }, (_, index) =>
    statusOf(desk.say(stranger, invite(index, attempt)), stranger),
  ).filter((status) => status > 0);
  expect(answers.length).toBeGreaterThan(0);
  expect(new Set(answers)).toEqual(new Set([403]));
  expect(answers.length).toBeLessThanOrEqual(5);
  // The control: what would be seen if it went out.
  const socket = desk.socket();
  const asAlice = {
    ...attempt,
    uri: "sip:250@gateway",
    from: "sip:alice@gateway",
    sdp: browserSdp("actpass"),
  };
  const sent = desk.prove(socket, "alice", (headers) =>
    invite(headers === "" ? 200 : 201, { ...asAlice, more: headers }),
  );
  expect([sent.length > 0, requestsOf(sent, "INVITE").length]).toEqual([true, 1]);
});
