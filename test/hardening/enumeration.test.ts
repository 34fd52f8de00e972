/**
 * S5: whoever asks with a wrong password can't tell from the answer, nor from the time it takes,
 * whether there is such a user.
 */
import { expect, test } from "bun:test";
import type { Flow } from "../../gateway/sip/flow.ts";
import { scaled } from "../rigs/scale.ts";
import { Desk } from "../sim/desk.ts";

/** Of the same length, so that messages are. */
const USERS = { known: "alice", unknown: "alicf" } as const;
type Kind = keyof typeof USERS;
const KINDS = Object.keys(USERS) as Kind[];
/** Bans come after many wrong passwords: each desk is asked less. */
const PER_DESK = 4;
/** How often one kind may be the slower one of a pair: chance alone is a half. */
const SHARE = { least: 0.44, most: 0.56 };

function request(method: string, user: string, index: number, cseq: number, more: string): string {
  const uri = method === "REGISTER" ? "sip:gateway" : "sip:250@gateway";
  const to = method === "REGISTER" ? `sip:${user}@gateway` : uri;
  return [
    `${method} ${uri} SIP/2.0`,
    `Via: SIP/2.0/WS x.invalid;branch=z9hG4bKs5${index}-${cseq}`,
    "Max-Forwards: 70",
    ...[`From: <sip:${user}@gateway>;tag=s5`, `To: <${to}>`, `Call-ID: s5-${index}`],
    `CSeq: ${cseq} ${method}`,
    `Contact: <sip:${user}@x.invalid;transport=ws>`,
    `${more}Content-Length: 0\r\n\r\n`,
  ].join("\r\n");
}

/** The answer to a password, with what is another each time made the same. */
function asked(
  desk: Desk,
  socket: Flow,
  method: string,
  user: string,
  index: number,
  isRight = false,
) {
  let tookMs = 0;
  const sent = desk.prove(socket, user, (headers) => {
    const shown = isRight
      ? headers
      : headers.replace(/response="[0-9a-f]+"/, (it) => `response="${"0".repeat(it.length - 11)}"`);
    const text = request(method, user, index, headers === "" ? 1 : 2, shown);
    if (headers !== "") tookMs = performance.now();
    return text;
  });
  tookMs = performance.now() - tookMs;
  const text = sent.map((it) => it.text).join("\n");
  const same = text
    .replaceAll(user, "USER")
    .replace(/nonce="[^"]*"/g, 'nonce="N"')
    .replace(/;tag=(?!s5)[^\r\n;]*/g, ";tag=T")
    .replace(/s5-?\d+(-\d)?/g, "s5");
  return { same, length: text.length, tookMs };
}

for (const method of ["REGISTER", "INVITE"]) {
  test(`S5: a wrong password's ${method} is answered alike, and as fast, for users there are and aren't`, () => {
    const pairs = scaled(`S5 pairs of ${method}`, 10_000, 0.2);
    const texts: Record<Kind, Set<string>> = { known: new Set(), unknown: new Set() };
    let desk = new Desk();
    let slower = 0;
    for (let pair = 0; pair < pairs; pair++) {
      if (pair % PER_DESK === 0) desk = new Desk();
      const took = { known: 0, unknown: 0 };
      // Which one is asked first must not tell.
      for (const kind of pair % 2 === 0 ? KINDS : KINDS.toReversed()) {
        const answer = asked(desk, desk.socket(), method, USERS[kind], pair);
        texts[kind].add(answer.same);
        took[kind] = answer.tookMs;
      }
      if (took.known > took.unknown) slower += 1;
    }
    const share = slower / pairs;
    console.log(`S5: ${method} of the known one took longer in ${(100 * share).toFixed(1)} %`);
    expect([...texts.known]).toEqual([...texts.unknown]);
    // The password is what it is refused for.
    const right = asked(desk, desk.socket(), method, USERS.known, pairs, true).same;
    expect(texts.known.has(right)).toBe(false);
    expect([...texts.known].every((text) => /^SIP\/2\.0 40[137]/.test(text))).toBe(true);
    expect(share).toBeGreaterThan(SHARE.least);
    expect(share).toBeLessThan(SHARE.most);
  }, 120_000);
}
