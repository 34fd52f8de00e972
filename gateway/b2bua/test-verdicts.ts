/**
 * What Test connection can say: a fixed list (W8), each with a sentence, and where it is bad news
 * with which of the five it is (TST-02): online, address and port, firewall, credentials, TLS.
 */

import type { CallOutcome, PhoneStep } from "../phone/protocol.ts";

export type Suspect = "online" | "address" | "firewall" | "credentials" | "tls" | "codecs";

export interface TestStep {
  readonly step:
    | "dns"
    | "connect"
    | "certificate"
    | "options"
    | "digest"
    | "capabilities"
    | "routing"
    | "call"
    | "incoming"
    | "talk";
  /** `note`: it works, and something is worth knowing; `skipped`: there was nothing to ask. */
  readonly outcome: "ok" | "note" | "failed" | "skipped";
  readonly verdict: Verdict;
  readonly sentence: string;
  /** What to look at, the likeliest first; empty where nothing is wrong. */
  readonly suspects: readonly Suspect[];
  /** The field to look at, by its path in the connection's form. */
  readonly field?: string;
  readonly tookMs: number;
  /** Addresses, dates and words of ours: never text of the other side's. */
  readonly facts: readonly string[];
}

interface Row {
  readonly outcome: TestStep["outcome"];
  readonly sentence: string;
  readonly suspects?: readonly Suspect[];
  readonly field?: string;
}

const ok = (sentence: string): Row => ({ outcome: "ok", sentence });
const note = (sentence: string, field?: string): Row => {
  return { outcome: "note", sentence, ...(field === undefined ? {} : { field }) };
};
const failed = (sentence: string, suspects: Suspect[], field?: string): Row => {
  return { outcome: "failed", sentence, suspects, ...(field === undefined ? {} : { field }) };
};

export const VERDICTS = {
  resolved: ok("The host has an address."),
  "no-address": failed(
    "Address: the host has no address in DNS. Check it for typing mistakes.",
    ["address"],
    "host",
  ),
  "name-service-silent": failed(
    "Online: this machine's DNS server does not answer, so the host can't be looked up.",
    ["online", "address"],
    "host",
  ),
  "forbidden-address": failed(
    "Address: the host leads to an address that is no PBX's: this machine, a link-local one, or a group.",
    ["address"],
    "host",
  ),
  "no-connection-needed": ok("UDP needs no connection: the next step shows whether it is there."),
  connected: ok("The port takes connections."),
  unreachable: failed(
    "Address and port: nothing there takes the connection. If they are right, it is a firewall, or the PBX is offline.",
    ["address", "firewall", "online"],
    "port",
  ),
  "tls-failed": failed(
    "TLS: the port takes connections and TLS fails on it. Does the PBX speak TLS there (5061 as a rule)?",
    ["tls", "address"],
    "transport",
  ),
  "tls-expired": failed(
    "TLS: the PBX's certificate has expired, or is not valid yet; is the clock right?",
    ["tls"],
    "tls.verify",
  ),
  "tls-name": failed(
    "TLS: the PBX's certificate was made for another name than this host.",
    ["tls", "address"],
    "host",
  ),
  "tls-untrusted": failed(
    "TLS: nobody known here signed the PBX's certificate. Give the file of its CA, or pin it.",
    ["tls"],
    "tls.verify",
  ),
  "tls-pin": failed(
    "TLS: the PBX shows another certificate than the pinned one.",
    ["tls"],
    "tls.pin",
  ),
  "tls-files": failed(
    "TLS: a file of the connection's TLS settings can't be read on this machine.",
    ["tls"],
    "tls.certificateFile",
  ),
  "certificate-good": ok("The certificate is as it should be."),
  "certificate-unchecked": note(
    "The certificate is not checked, as the connection wants it: anybody in between could answer.",
    "tls.verify",
  ),
  answers: ok("A PBX answers."),
  "answers-no-options": note(
    "A PBX answers, and takes no OPTIONS from us: that alone does no harm.",
  ),
  "out-of-service": failed(
    "Online: the PBX answers that it is out of service (503).",
    ["online"],
    "host",
  ),
  silent: failed(
    "Firewall: nothing that is SIP came back in time. Check that the PBX is online, the port and transport, and that a firewall lets this gateway in.",
    ["firewall", "address", "online"],
    "port",
  ),
  closed: failed(
    "Address and port: the other side closed the connection without a word of SIP.",
    ["address", "tls"],
    "port",
  ),
  "password-good": ok("The PBX accepts user name and password."),
  "no-password-asked": note("The PBX knows us by our address and asks for no password."),
  "no-account": {
    outcome: "skipped",
    sentence: "There is no user name, so none was tried: the PBX must know this gateway's address.",
  },
  "registers-here": {
    outcome: "skipped",
    sentence: "The PBX registers with the gateway: it shows its password then.",
  },
  "password-missing": failed(
    "Credentials: the PBX asks for a password, and none is set here.",
    ["credentials"],
    "password",
  ),
  "password-wrong": failed(
    "Credentials: the PBX does not accept user name and password.",
    ["credentials"],
    "password",
  ),
  "account-unknown": failed(
    "Credentials: the PBX knows no such user name at this host.",
    ["credentials", "address"],
    "username",
  ),
  "account-barred": failed(
    "Credentials: the PBX knows the account and refuses it: it may be barred, or allowed from elsewhere alone.",
    ["credentials"],
    "username",
  ),
  forbidden: failed(
    "Credentials: the PBX refuses us without asking for a password. It may not know this gateway's address or user name.",
    ["credentials", "firewall"],
    "username",
  ),
  realm: failed(
    "Credentials: the PBX asks for the password of another realm than the one set.",
    ["credentials"],
    "realm",
  ),
  "digest-unknown": failed(
    "Credentials: the PBX wants a kind of authentication that is not known here.",
    ["credentials"],
    "password",
  ),
  "no-registrar": failed(
    "Address: what answers there takes no registrations.",
    ["address", "credentials"],
    "host",
  ),
  "no-register-here": note(
    "It takes no registrations, as trunks often don't: the password is tried with the first call.",
  ),
  capable: ok("It takes calls, and nothing it told stands in the way."),
  "no-calls": failed("Address: what answers there takes no calls.", ["address"], "host"),
  "no-common-codec": failed(
    "Codecs: it speaks none of the codecs of this connection.",
    ["codecs"],
    "codecs",
  ),
  "patterns-lead-there": ok("Its dial patterns say which numbers go there: see the dial plan."),
  "no-pattern": note(
    "It works, and no number leads there: it has no dial pattern. Try a simple one first, such as a single dot.",
    "patterns",
  ),
  "patterns-doubtful": note(
    "It works, and some of its dial patterns may not do what they look like.",
    "patterns",
  ),
  "no-number-leads-there": note(
    "It works, and no number leads there: none of its dial patterns ever gets one.",
    "patterns",
  ),
  "sends-nothing": note(
    "It works, and calls are not sent there: that is switched off here.",
    "allowOutbound",
  ),
  "call-answered": ok("The call was answered, and audio is connected."),
  "call-refused": failed("The call came to nothing: the call's own page says why.", [
    "address",
    "credentials",
  ]),
  "call-unanswered": failed("It rang, and nobody answered. An echo test answers at once.", []),
  "call-not-routed": failed(
    "No number like this leads to the connection: none of its dial patterns matches, or it can't take calls now.",
    [],
    "patterns",
  ),
  "call-without-audio": failed(
    "The call was answered, and the gateway's own audio to its test phone could not be connected.",
    ["firewall"],
  ),
  "call-cut": failed("The other side hung up while it was being listened to.", ["address"]),
  "hears-echo": ok("What was said came back: both ways are heard."),
  "hears-broken-echo": note("What was said came back with gaps: packets are lost on the way."),
  "hears-other": note(
    "Something is heard, and it is no echo: whether the other side hears you is not known. Call an echo test.",
  ),
  "hears-silence": failed(
    "Audio: packets come back, and there is no sound in them. An echo test that hears nothing sends silence: a firewall may hold back what is said.",
    ["firewall"],
  ),
  "hears-nothing": failed(
    "Audio: not one packet came back. A firewall may hold back RTP, or the PBX sends to another address than this gateway's.",
    ["firewall", "address"],
  ),
  "came-in": ok("A call came in by this connection."),
  "none-came-in": failed(
    "No call came in by this connection in time. Does the PBX send this gateway its calls, and a firewall let them through?",
    ["firewall", "address"],
  ),
  "received-heard": ok("It was answered, and both sides sent sound to each other."),
  "received-one-way": failed(
    "Audio: it was answered, and packets came from one side alone. A firewall may hold back RTP.",
    ["firewall"],
  ),
  "received-unheard": note(
    "It was answered, and was over before any audio was measured: talk for ten seconds.",
  ),
  "received-unanswered": note(
    "It came in, and nobody answered: whether both sides would be heard is not known.",
    "inboundUser",
  ),
  "received-goes-on": note("It still goes on: what is heard is known when it is over. Hang up."),
} as const satisfies Record<string, Row>;

export type Verdict = keyof typeof VERDICTS;

const HEARD: Readonly<Record<CallOutcome, Verdict>> = {
  answered: "call-answered",
  refused: "call-refused",
  unanswered: "call-unanswered",
  "no-media": "call-without-audio",
  "hung-up": "call-cut",
  echo: "hears-echo",
  broken: "hears-broken-echo",
  other: "hears-other",
  silence: "hears-silence",
  nothing: "hears-nothing",
};

/** What a test call's step comes to; `way`: the connection that took it, undefined where none did. */
export function heardAs(
  { step, outcome, tookMs, facts }: Extract<PhoneStep, { outcome: CallOutcome }>,
  way: string | undefined,
): TestStep {
  const isLost = outcome === "refused" && way === undefined;
  const { status, levelDb, delayMs, loss } = facts;
  const told = [
    step === "call" && way !== undefined ? `by ${way}` : undefined,
    status === undefined ? undefined : `SIP status ${status}`,
    levelDb === undefined
      ? undefined
      : `${(-levelDb).toFixed(0)} dB below full scale at its loudest`,
    delayMs === undefined ? undefined : `${delayMs.toFixed(0)} ms there and back`,
    loss === undefined ? undefined : `${(100 * loss).toFixed(1)} % of the packets lost`,
  ];
  return verdictOf(step, isLost ? "call-not-routed" : HEARD[outcome], {
    tookMs: Math.round(tookMs),
    facts: told.filter((it) => it !== undefined),
  });
}

export function verdictOf(
  step: TestStep["step"],
  verdict: Verdict,
  more: Pick<TestStep, "tookMs" | "facts">,
): TestStep {
  const { outcome, sentence, suspects = [], field }: Row = VERDICTS[verdict];
  return { step, outcome, verdict, sentence, suspects, ...(field ? { field } : {}), ...more };
}
