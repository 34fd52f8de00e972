/**
 * Test connection (TST-01 to TST-05): asks a PBX whether it would work with us, before anything is
 * saved. A machine of its own, with a SIP stack of its own; it places no call and leaves no binding.
 *
 *   dns ─► connect (─► certificate) ─► options ─► digest ─► capabilities ─► done
 *
 * Every outcome is one of `VERDICTS`: nothing the other side says is repeated, so that the test is
 * no window into networks it should not see (W8). Above: `io/connection-probe`. Below: the stack.
 */
import type { Connection } from "../../schema/config.ts";
import type { PatternDoubts } from "../../schema/pattern-doubts.ts";
import { parseAddress } from "../address.ts";
import { fromUtf8 } from "../bytes.ts";
import { earliest, type Millis, Timers } from "../machine.ts";
import { mayConnect } from "../outbound-guard.ts";
import { type Random, randomToken } from "../random.ts";
import { cseq, tokens } from "../sip/accessors.ts";
import { createRequest } from "../sip/build.ts";
import { answerChallenge, type DigestState } from "../sip/digest-client.ts";
import type { Flow, Target } from "../sip/flow.ts";
import { printHostPort } from "../sip/grammar.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import { Stack } from "../sip/stack.ts";
import type { StackOutput } from "../sip/stack-output.ts";
import { describe } from "./evidence.ts";
import { credentialsOf, localUri, registrarUri, routesOf, targetOf } from "./identity.ts";
import { type TestStep, type Verdict, verdictOf } from "./test-verdicts.ts";

/** What the shell found out about the way there. */
export interface TestTarget {
  readonly address: string;
  readonly port: number;
  readonly transport: "udp" | "tcp" | "tls";
}

export type TestInput =
  | { type: "start" }
  /** In the order to try them; `asked` says what was looked up, a line each. */
  | { type: "resolved"; targets: readonly TestTarget[]; asked: readonly string[] }
  | { type: "unresolved"; isSilent: boolean }
  /** A flow is up; with TLS what its certificate says, a line each. */
  | { type: "connected"; flow: Flow; certificate?: readonly string[] }
  /** No flow: nothing takes it, or TLS failed, for what reason. */
  | { type: "refused"; verdict: Extract<Verdict, "unreachable" | `tls-${string}`> }
  | { type: "received"; bytes: Uint8Array }
  | { type: "closed" }
  | { type: "timeout" };

export type TestOutput =
  | { type: "resolve"; target: Target }
  | { type: "connect"; target: TestTarget }
  | { type: "send"; bytes: Uint8Array }
  /** A step is being worked on; its outcome follows. */
  | { type: "begun"; step: TestStep["step"] }
  | { type: "step"; step: TestStep }
  /** Nothing more comes. */
  | { type: "done" };

export interface ConnectionTestOptions {
  readonly random: Random;
  /** Whether this very machine may be asked: the operator said that the PBX runs beside us. */
  readonly allowsLoopback: boolean;
  /** What is wrong with its dial patterns, beside those of others (TST-03). */
  readonly doubts: PatternDoubts;
}

/** A name server, a handshake and an answer each have so long; every `unreachable` takes as long. */
const PATIENCE_MS = 5_000;

type Timer = "dns" | "connect" | "options" | "digest";

export class ConnectionTest {
  readonly #connection: Connection;
  readonly #random: Random;
  readonly #allowsLoopback: boolean;
  readonly #doubts: PatternDoubts;
  readonly #stack: Stack;
  readonly #timers = new Timers<Timer>();
  readonly #digest: DigestState = {};
  readonly #tag: string;
  readonly #callId: string;
  #output: TestOutput[] = [];
  #step: TestStep["step"] = "dns";
  #begunAt: Millis = 0;
  #flow: Flow | undefined;
  #request: SipRequest | undefined;
  #cseq = 0;
  #challenges = 0;
  /** What OPTIONS brought, for the last step. */
  #options: SipResponse | undefined;
  #isHeld = false;
  #hasFailed = false;
  #isDone = false;

  constructor(connection: Connection, options: ConnectionTestOptions) {
    const { random, allowsLoopback, doubts } = options;
    this.#connection = connection;
    this.#doubts = doubts;
    this.#random = random;
    this.#allowsLoopback = allowsLoopback;
    this.#stack = new Stack({ random });
    this.#tag = randomToken(random, 6);
    this.#callId = randomToken(random, 12);
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  deadline(): Millis | undefined {
    return this.#isDone ? undefined : earliest(this.#timers.next(), this.#stack.deadline());
  }

  handle(input: TestInput, now: Millis): TestOutput[] {
    if (!this.#isDone) this.#take(input, now);
    return this.#output.splice(0);
  }

  #take(input: TestInput, now: Millis): void {
    switch (input.type) {
      case "start":
        this.#begin("dns", now);
        this.#timers.arm("dns", now + PATIENCE_MS);
        this.#output.push({ type: "resolve", target: targetOf(this.#connection) });
        break;
      case "resolved":
        this.#resolved(input.targets, input.asked, now);
        break;
      case "unresolved":
        this.#fail(input.isSilent ? "name-service-silent" : "no-address", now);
        break;
      case "connected":
        this.#connected(input.flow, input.certificate, now);
        break;
      case "refused":
        // W8: a port that refuses and one that is filtered look alike, to the second.
        if (input.verdict === "unreachable") this.#isHeld = true;
        else this.#fail(input.verdict, now);
        break;
      case "received":
        if (this.#flow) this.#effects(this.#stack.receive(this.#flow, input.bytes, now), now);
        break;
      case "closed":
        if (this.#step === "options" || this.#step === "digest") this.#silent("closed", now);
        break;
      case "timeout":
        this.#timeout(now);
        break;
    }
  }

  #timeout(now: Millis): void {
    this.#effects(this.#stack.timeout(now), now);
    const due = this.#timers.takeDue(now);
    if (due?.name === "dns") this.#fail("name-service-silent", now);
    if (due?.name === "connect") this.#fail("unreachable", now);
    if (due?.name === "options" || due?.name === "digest") this.#silent("silent", now);
  }

  // The way there -------------------------------------------------------------------------------

  #resolved(targets: readonly TestTarget[], asked: readonly string[], now: Millis): void {
    if (this.#step !== "dns") return;
    this.#timers.cancel("dns");
    // All of them: a name that leads to one forbidden address is no PBX's.
    const isForbidden = targets.some(({ address: text }) => {
      const address = parseAddress(text);
      return address === undefined || !mayConnect(address, this.#allowsLoopback);
    });
    if (isForbidden) {
      this.#fail("forbidden-address", now);
      return;
    }
    const [target] = targets;
    if (!target) {
      this.#fail("no-address", now);
      return;
    }
    const found = targets.map(({ address, port, transport }) => {
      return `${transport} ${printHostPort({ host: address, port })}`;
    });
    this.#finish("resolved", now, [...asked, ...found]);
    this.#begin("connect", now);
    this.#timers.arm("connect", now + PATIENCE_MS);
    this.#output.push({ type: "connect", target });
  }

  #connected(flow: Flow, certificate: readonly string[] | undefined, now: Millis): void {
    if (this.#step !== "connect" || this.#isHeld) return;
    this.#timers.cancel("connect");
    this.#flow = flow;
    this.#finish(flow.transport === "udp" ? "no-connection-needed" : "connected", now);
    if (certificate) {
      this.#begin("certificate", now);
      const isChecked = this.#connection.tls?.verify !== "off";
      this.#finish(isChecked ? "certificate-good" : "certificate-unchecked", now, certificate);
    }
    this.#begin("options", now);
    this.#timers.arm("options", now + PATIENCE_MS);
    this.#send(this.#make("OPTIONS", [["Accept", "application/sdp"]]), now);
  }

  // What it says --------------------------------------------------------------------------------

  #make(method: "OPTIONS" | "REGISTER", headers: readonly [string, string][]): SipRequest {
    const connection = this.#connection;
    this.#cseq += 1;
    const uri = registrarUri(connection);
    const own = localUri(connection);
    const params = new Map<string, string | undefined>();
    return createRequest({
      method,
      uri,
      from: { uri: own, params: new Map([["tag", this.#tag]]) },
      // RFC 3261 §10.2: without a Contact a REGISTER asks what is registered, and changes nothing.
      to: { uri: method === "REGISTER" ? own : uri, params },
      callId: `${method.toLowerCase()}-${this.#callId}`,
      cseq: this.#cseq,
      routes: routesOf(connection),
      headers,
    });
  }

  #send(request: SipRequest, now: Millis): void {
    if (!this.#flow) return;
    this.#request = request;
    this.#effects(this.#stack.request(this.#flow, request, now).outputs, now);
  }

  #effects(effects: readonly StackOutput[], now: Millis): void {
    for (const effect of effects) {
      if (effect.type === "send") this.#output.push({ type: "send", bytes: effect.bytes });
      else if (effect.type === "response") this.#answered(effect.response, effect.flow, now);
      // What the test needs no stream for, it goes without.
      else if (effect.type === "openFlow") this.#effects(this.#stack.close(effect.flow, now), now);
    }
  }

  #answered(response: SipResponse, flow: Flow, now: Millis): void {
    const { method } = cseq(response);
    if (response.status < 200 || this.#isDone) return;
    if (method === "OPTIONS" && this.#step === "options") this.#optionsAnswered(response, now);
    if (method === "REGISTER" && this.#step === "digest") {
      this.#registerAnswered(response, flow, now);
    }
  }

  #optionsAnswered(response: SipResponse, now: Millis): void {
    const { status } = response;
    this.#timers.cancel("options");
    this.#options = response;
    const isBusy = status === 503;
    this.#finish(isBusy ? "out-of-service" : status < 300 ? "answers" : "answers-no-options", now);
    this.#askPassword(now);
  }

  #askPassword(now: Millis): void {
    this.#begin("digest", now);
    const { type, username } = this.#connection;
    if (username === undefined) {
      this.#finish("no-account", now);
      this.#capabilities(now);
      return;
    }
    if (type === "inbound-registration") {
      this.#finish("registers-here", now);
      this.#capabilities(now);
      return;
    }
    this.#timers.arm("digest", now + PATIENCE_MS);
    this.#send(this.#make("REGISTER", []), now);
  }

  #registerAnswered(response: SipResponse, flow: Flow, now: Millis): void {
    const isChallenge = response.status === 401 || response.status === 407;
    const verdict = isChallenge
      ? this.#challenged(response, flow, now)
      : this.#registered(response.status);
    if (verdict) this.#digested(verdict, now);
  }

  /** Asks again with the password; or why that is no use. */
  #challenged(response: SipResponse, flow: Flow, now: Millis): Verdict | undefined {
    const credentials = credentialsOf(this.#connection);
    if (!credentials || !this.#request) return "password-missing";
    this.#challenges += 1;
    const answer = answerChallenge(
      response,
      credentials,
      this.#request,
      this.#digest,
      this.#random,
    );
    if (!answer.ok) return digestVerdict(answer.reason);
    if (this.#challenges > 2) return "password-wrong";
    // S6: credentials go only where the question went.
    if (flow.remote.address === this.#flow?.remote.address) {
      this.#send(this.#make("REGISTER", answer.headers), now);
    }
    return undefined;
  }

  #registered(status: number): Verdict {
    const hadPassword = this.#challenges > 0;
    if (status < 300) return hadPassword ? "password-good" : "no-password-asked";
    if (status === 404 || status === 410) return "account-unknown";
    if (status === 403) return hadPassword ? "account-barred" : "forbidden";
    if (status === 503) return "out-of-service";
    // A trunk need not know REGISTER at all.
    return this.#connection.type === "outbound-trunk" ? "no-register-here" : "no-registrar";
  }

  #digested(verdict: Verdict, now: Millis): void {
    this.#timers.cancel("digest");
    this.#finish(verdict, now);
    this.#capabilities(now);
  }

  /** Nothing that is SIP came. A PBX may answer one question and not the other. */
  #silent(verdict: "silent" | "closed", now: Millis): void {
    const wasOptions = this.#step === "options";
    this.#timers.cancelAll();
    this.#finish(wasOptions || this.#options ? verdict : "silent", now);
    if (wasOptions && verdict === "silent" && this.#connection.username !== undefined) {
      this.#askPassword(now);
    } else if (this.#options) this.#capabilities(now);
    else this.#routing(now);
  }

  /** What OPTIONS told of methods and codecs (RFC 3261 §11.2), in words we know alone. */
  #capabilities(now: Millis): void {
    const response = this.#options;
    if (!response || response.status >= 300) {
      this.#routing(now);
      return;
    }
    this.#begin("capabilities", now);
    const allowed = tokens(response, "Allow").map((it) => it.toUpperCase());
    const supported = tokens(response, "Supported").map((it) => it.toLowerCase());
    const sdp = response.body.length > 0 ? describe(fromUtf8(response.body)) : undefined;
    const spoken = sdp?.codecs.filter((it) => CODECS.includes(it)) ?? [];
    const facts = [
      `methods: ${METHODS.filter((it) => allowed.includes(it)).join(", ") || "not told"}`,
      `extensions: ${EXTENSIONS.filter((it) => supported.includes(it)).join(", ") || "not told"}`,
      `codecs: ${spoken.join(", ") || "not told"}`,
    ];
    const takesCalls = allowed.length === 0 || allowed.includes("INVITE");
    const wanted: readonly string[] = this.#connection.codecs;
    const isCommon = spoken.length === 0 || spoken.some((it) => wanted.includes(it));
    const verdict = !takesCalls ? "no-calls" : isCommon ? "capable" : "no-common-codec";
    this.#finish(verdict, now, facts);
    this.#routing(now);
  }

  /** TST-03: a PBX that works, and no call that gets there, is a matter of dial patterns. */
  #routing(now: Millis): void {
    if (!this.#hasFailed) {
      this.#begin("routing", now);
      this.#finish(this.#routed(), now, this.#doubts.sentences);
    }
    this.#done();
  }

  #routed(): Verdict {
    const { allowOutbound, patterns } = this.#connection;
    const { isUnreachable, sentences } = this.#doubts;
    if (!allowOutbound) return "sends-nothing";
    if (patterns.length === 0) return "no-pattern";
    if (isUnreachable) return "no-number-leads-there";
    return sentences.length > 0 ? "patterns-doubtful" : "patterns-lead-there";
  }

  // Steps ---------------------------------------------------------------------------------------

  #begin(step: TestStep["step"], now: Millis): void {
    this.#step = step;
    this.#begunAt = now;
    this.#output.push({ type: "begun", step });
  }

  #finish(verdict: Verdict, now: Millis, facts: readonly string[] = []): void {
    const tookMs = Math.round(now - this.#begunAt);
    const step = verdictOf(this.#step, verdict, { tookMs, facts });
    this.#hasFailed ||= step.outcome === "failed";
    this.#output.push({ type: "step", step });
  }

  #fail(verdict: Verdict, now: Millis): void {
    this.#finish(verdict, now);
    this.#done();
  }

  #done(): void {
    this.#isDone = true;
    this.#timers.cancelAll();
    this.#output.push({ type: "done" });
  }
}

const METHODS = ["INVITE", "UPDATE", "REFER", "INFO", "PRACK", "MESSAGE", "SUBSCRIBE", "NOTIFY"];
const EXTENSIONS = ["timer", "100rel", "replaces", "path", "outbound"];
const CODECS = ["G722", "PCMA", "PCMU", "opus", "G729"];

function digestVerdict(reason: string): Verdict {
  if (/wrong user name or password/.test(reason)) return "password-wrong";
  return /realm/.test(reason) ? "realm" : "digest-unknown";
}
