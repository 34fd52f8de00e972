/**
 * Each row of the table of causes that looks at figures rather than at words: what the evidence must
 * be for it, and what it says then.
 */
import { expect, test } from "bun:test";
import type { CallTrace, TracedMessage, TracedParty } from "../../../gateway/b2bua/call-trace.ts";
import { CAUSES, findingsOf } from "../../../gateway/b2bua/causes.ts";
import type { CallRecord } from "../../../gateway/b2bua/status.ts";
import type { LegFacts, LegId } from "../../../gateway/media/protocol.ts";
import type { ConnectionId, UserId } from "../../../schema/config.ts";
import { configOf } from "../../sim/stage.ts";

const PBX = "198.51.100.9";
const { connections } = configOf({ name: "", play: () => {} });

const party = (more: Partial<TracedParty>): TracedParty => ({
  role: "caller",
  kind: "softphone",
  name: "alice",
  user: 1 as UserId,
  transport: "wss",
  remote: { address: "192.0.2.1", port: 40_000 },
  local: { address: "203.0.113.1", port: 443 },
  callId: "a",
  ...more,
});

const pbxParty: Partial<TracedParty> = {
  role: "callee",
  kind: "pbx",
  name: "Office",
  connection: 1 as ConnectionId,
  transport: "udp",
  remote: { address: PBX, port: 5_060 },
  callId: "b",
};

const facts = (more: Partial<LegFacts>): LegFacts => ({
  leg: "leg-1" as LegId,
  kind: "trunk",
  packetsReceived: 500,
  packetsSent: 500,
  packetsLost: 0,
  dropped: {},
  jitterMs: 1,
  hasReports: true,
  direction: "sendrecv",
  ...more,
});

function sdp(address: string, formats: string, protocol = "RTP/AVP"): string {
  const lines = ["v=0", `o=- 1 1 IN IP4 ${address}`, "s=-", `c=IN IP4 ${address}`, "t=0 0"];
  return [...lines, `m=audio 4000 ${protocol} ${formats}`, ""].join("\r\n");
}

function invite(body: string): Partial<TracedMessage> {
  return { direction: "sent", party: 1, text: text("INVITE sip:250@h SIP/2.0", body) };
}

function answer(line: string, body = "", headers: string[] = []): Partial<TracedMessage> {
  return { direction: "received", party: 1, text: text(`SIP/2.0 ${line}`, body, headers) };
}

function text(line: string, body: string, headers: string[] = []): string {
  const type = body === "" ? [] : ["Content-Type: application/sdp"];
  return [
    line,
    "Via: SIP/2.0/UDP h;branch=z9hG4bK1",
    "From: <sip:a@h>;tag=1",
    "To: <sip:250@h>;tag=2",
    "Call-ID: b",
    "CSeq: 1 INVITE",
    "Contact: <sip:a@h>",
    ...headers,
    ...type,
    `Content-Length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
}

interface Case {
  record?: Partial<CallRecord>;
  messages?: Partial<TracedMessage>[];
  pbx?: Partial<LegFacts>;
  phone?: Partial<LegFacts>;
  decisions?: string[];
}

function findings({ record = {}, messages = [], pbx, phone, decisions = [] }: Case) {
  const trace: CallTrace = {
    id: "1",
    started: 0,
    parties: [
      party(phone ? { media: facts({ kind: "webrtc", ...phone }) } : {}),
      party(pbx ? { ...pbxParty, media: facts(pbx) } : pbxParty),
    ],
    messages: messages.map((it) => {
      return { at: 0, lastAt: 0, repeats: 0, direction: "sent", party: 0, text: "", ...it };
    }),
    decisions: decisions.map((it) => ({ at: 0, about: "media", text: it })),
    omitted: 0,
  };
  const whole: CallRecord = {
    id: "1",
    direction: "outbound",
    caller: "alice",
    callee: "250",
    connection: 1 as ConnectionId,
    started: 0,
    ended: 60_000,
    status: 200,
    endedBy: "caller",
    reason: "hung up",
    ...record,
  };
  return findingsOf(whole, trace, connections);
}

const answered: Partial<CallRecord> = { answered: 1_000 };
const refused = (status: number): Partial<CallRecord> => {
  return { status, endedBy: "callee", reason: `${status}` };
};

test("X2, MED-13: a refused offer names what was offered, what is taken, and what to add", () => {
  const messages = [
    invite(sdp("203.0.113.1", "9 8")),
    answer("488 Not Acceptable Here", sdp(PBX, "0 18")),
  ];
  expect(findings({ record: refused(488), messages })[0]).toEqual({
    cause: "codec-refused",
    sentence: "Office answered 488 because you offered G722, PCMA; it accepts only PCMU, G729.",
    suggestion: "Add PCMU to the codecs of the connection.",
    weight: "fault",
    field: { connection: 1 as ConnectionId, path: "codecs" },
  });
});

test("X2: plain audio where SRTP is wanted, and the other way round", () => {
  const plain = [
    invite(sdp("203.0.113.1", "9 8")),
    answer("488 Not Acceptable Here", "", ['Warning: 399 pbx "SRTP required"']),
  ];
  expect(findings({ record: refused(488), messages: plain })[0]).toMatchObject({
    cause: "srtp-wanted",
    field: { path: "mediaEncryption" },
  });
  const secure = [invite(sdp("203.0.113.1", "9", "RTP/SAVP")), answer("488 Not Acceptable Here")];
  expect(findings({ record: refused(488), messages: secure })[0]?.cause).toBe("srtp-refused");
});

test("TST-06: each way audio can fail to arrive has a sentence of its own", () => {
  const described = (address: string) => [
    invite(sdp("203.0.113.1", "9")),
    answer("200 OK", sdp(address, "9")),
  ];
  const mute = { packetsReceived: 0, signalled: { address: PBX, port: 4_000 } };
  const cases: [string, Case, RegExp][] = [
    [
      "no-packets-pbx",
      { pbx: mute, messages: described(PBX) },
      /from Office \(198\.51\.100\.9:4000\)/,
    ],
    [
      "unexpected-source",
      {
        pbx: { ...mute, dropped: { source: 300 }, stranger: { address: "203.0.113.77", port: 9 } },
      },
      /came from 203\.0\.113\.77:9 instead of 198\.51\.100\.9:4000/,
    ],
    ["private-address", { pbx: mute, messages: described("192.168.1.10") }, /192\.168\.1\.10/],
    ["natted-but-well", { pbx: {}, messages: described("192.168.1.10") }, /found all the same/],
    ["ice-never", { phone: { ice: { checks: 0, isNominated: false } } }, /never reached/],
    [
      "dtls-never",
      { phone: { ice: { checks: 9, isNominated: true }, dtls: "begun" } },
      /never finished the handshake/,
    ],
    [
      "no-packets-softphone",
      { phone: { packetsReceived: 0, ice: { checks: 9, isNominated: true }, dtls: "keyed" } },
      /softphone of alice/,
    ],
    ["wrong-keys", { pbx: { dropped: { authentication: 99 } } }, /other keys/],
    ["wrong-codec", { pbx: { dropped: { "payload-type": 99 } } }, /^Office sends/],
    ["one-way", { pbx: { packetsSent: 0 } }, /Nothing was sent to Office/],
    ["no-reports", { pbx: { hasReports: false, packetsSent: 900 } }, /never reported/],
    [
      "fingerprint",
      { decisions: ["the audio of alice failed (fingerprint): x"] },
      /somebody is in between/,
    ],
  ];
  for (const [cause, given, sentence] of cases) {
    const found = findings({ ...given, record: answered }).find((it) => it.cause === cause);
    expect([cause, found?.cause]).toEqual([cause, cause]);
    expect(found?.sentence).toMatch(sentence);
  }
  // A call without any of it is fine, and says so alone.
  expect(findings({ record: answered, pbx: {}, phone: {} }).map(({ cause }) => cause)).toEqual([
    "hung-up",
  ]);
});

test("TST-06: a party on hold is not mute", () => {
  const held = findings({ record: answered, pbx: { packetsReceived: 0, direction: "sendonly" } });
  expect(held.map(({ cause }) => cause)).toEqual(["hung-up"]);
});

test("TST-07: loss and jitter of either direction are told in figures", () => {
  const direction = { basis: "measured", lossNow: 0, burstRatio: 1, mosNow: 3, mos: 3 } as const;
  const quality: CallRecord["quality"] = [
    {
      party: "callee",
      kind: "trunk",
      codec: "G722",
      received: { ...direction, mosWorst: 2, loss: 0.08, jitterMs: 72 },
    },
  ];
  const found = findings({ record: { ...answered, quality } });
  expect(found.map(({ cause }) => cause)).toEqual(["hung-up", "lossy", "jittery"]);
  expect(found[1]?.sentence).toContain("8 %");
});

test("TST-05: credentials, realms, names, certificates and silence are told apart", () => {
  const unsent = (reason: string): Case => ({
    record: { status: 503, endedBy: "gateway", reason },
  });
  const cases: [string, Case][] = [
    ["dns-no-name", unsent("the name pbx.exmaple.com does not resolve to an address")],
    ["dns-silent", unsent("the name service does not answer: queryA ETIMEOUT")],
    ["tcp-refused", unsent("198.51.100.9:5060 takes no TCP connection: no answer in time")],
    ["tls-refused", unsent("pbx:5061 takes no TLS connection: alert handshake failure")],
    ["certificate-expired", unsent("the certificate of pbx expired on Jan 1 2020")],
    ["certificate-name", unsent("the certificate of pbx is for somebody else: other")],
    ["certificate-untrusted", unsent("the certificate of pbx is signed by itself: pin it")],
    ["realm-mismatch", unsent("realm mismatch: wanted a, got b")],
    ["wrong-password", { ...unsent("wrong user name or password"), messages: [invite("")] }],
    ["no-credentials", unsent("the PBX wants credentials this connection doesn't have")],
    ["no-answer-at-all", { ...unsent("the other side did not answer"), messages: [invite("")] }],
    [
      "trying-then-silence",
      { ...unsent("the other side did not answer"), messages: [invite(""), answer("100 Trying")] },
    ],
    [
      "maintenance",
      { record: refused(503), messages: [answer("503 No", "", ["Retry-After: 120"])] },
    ],
    ["full", unsent("Office is full: 10 calls are up")],
    ["not-registered", unsent("Office is not registered: 403 Forbidden")],
  ];
  for (const [cause, given] of cases) {
    expect([cause, findings(given)[0]?.cause]).toEqual([cause, cause]);
  }
});

test("X2: names are unique, and every call that is over has a finding, whatever it brings", () => {
  const names = CAUSES.map(({ cause }) => cause);
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBeGreaterThanOrEqual(60);
  for (let status = 300; status < 700; status += 1) {
    const messages = [invite("not sdp"), answer(`${status} X`)];
    const [first] = findings({ record: refused(status), messages });
    expect(first?.sentence).toBeTruthy();
    expect(first?.suggestion).toBeTruthy();
  }
});

test("RTE-14, X2: a call to a host that is none of ours says which, and where to add it", () => {
  const reason = "it is addressed to old.example, which is none of the gateway's domains";
  const [found] = findings({ record: { status: 404, endedBy: "gateway", reason } });
  expect(found).toMatchObject({ cause: "foreign-domain", weight: "fault" });
  expect(found?.sentence).toContain("old.example");
  expect(found?.suggestion).toContain("domains");
});
