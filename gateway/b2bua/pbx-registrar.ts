/**
 * PBXs that register with us (REG-08 to REG-10): who they are, where they are, and the paths to them.
 *
 * They prove themselves by digest, with credentials we made, on every request outside a dialog; a TCP
 * or TLS flow that registered may be trusted instead. Calls go back over the flow the REGISTER came
 * from (RFC 5626 §5.3), which is kept open by us, for the PBX is behind a NAT (NAT-10).
 */
import type { Config, Connection, ConnectionId } from "../../schema/config.ts";
import { Agenda } from "../agenda.ts";
import { earliest, type Millis } from "../machine.ts";
import { contacts, tokens } from "../sip/accessors.ts";
import type { DigestServer } from "../sip/digest-server.ts";
import { type Flow, type FlowId, isReliable } from "../sip/flow.ts";
import type { SipRequest } from "../sip/message.ts";
import { allows } from "./admission.ts";
import { type Binding, type Registered, Registrar } from "./registrar.ts";

/** NAT-10: shorter than what any NAT forgets a UDP path after (RFC 4787 §4.3 has two minutes, the field 30 s). */
const KEEP_ALIVE_MS = 25_000;

export type PbxBinding = Binding<ConnectionId>;

export type PbxVerdict =
  | { outcome: "admitted"; connection: Connection }
  /** Nothing was proved: ask. `wrong`: something was shown that is not right. */
  | { outcome: "challenge"; isStale: boolean; isWrong: boolean }
  /** It is who it says it is, and still may not. */
  | { outcome: "refused"; reason: string };

export class PbxRegistrar {
  readonly #registrar = new Registrar<ConnectionId>({
    bindingsMax: (id) => this.#byId.get(id)?.maxRegistrations ?? 1,
    suspendedForMs: 0,
  });
  #byId: ReadonlyMap<ConnectionId, Connection> = new Map();
  #byUsername: ReadonlyMap<string, Connection> = new Map();
  #byFlow: ReadonlyMap<FlowId, ConnectionId> = new Map();
  /** Of where any PBX is registered from: a flow over each address. */
  #byAddress: ReadonlyMap<string, Flow> = new Map();
  readonly #moved: (flow: Flow) => void;
  readonly #keepAlive = new Agenda<FlowId>();
  /** Calls that went to each, for taking turns. */
  readonly #turns = new Map<ConnectionId, number>();

  /** `moved` is told of a flow over each address PBXs came to, or left. */
  constructor(moved: (flow: Flow) => void = () => {}) {
    this.#moved = moved;
  }

  /** Bindings of connections that are gone, or whose password is another, end. */
  configure(config: Config, now: Millis): void {
    const before = this.#byId;
    const enabled = config.connections.filter(
      (it) => it.enabled && it.type === "inbound-registration" && it.ha1,
    );
    this.#byId = new Map(enabled.map((it) => [it.id, it]));
    this.#byUsername = new Map(enabled.map((it) => [it.username ?? "", it]));
    const kept = enabled.filter(({ id, ha1 }) => before.get(id)?.ha1?.md5 === ha1?.md5);
    this.#registrar.retain(new Set(kept.map(({ id }) => id)));
    this.#settle(now);
  }

  /** True where any PBX may register: then strangers are asked who they are (S5). */
  get isOpen(): boolean {
    return this.#byId.size > 0;
  }

  get size(): number {
    return this.#registrar.size;
  }

  /** Where a connection's PBX is registered from, newest first. */
  bindingsOf(id: ConnectionId): readonly PbxBinding[] {
    return this.#registrar.devicesOf(id);
  }

  /** Which of them get the next call: all, or the one whose turn it is (REG-10). */
  nextOf({ id, bindingStrategy }: Connection): readonly PbxBinding[] {
    const bindings = this.bindingsOf(id);
    if (bindingStrategy !== "round-robin" || bindings.length < 2) return bindings;
    const turn = this.#turns.get(id) ?? 0;
    this.#turns.set(id, turn + 1);
    return [...bindings].reverse().slice(turn % bindings.length, (turn % bindings.length) + 1);
  }

  /** The connection that is registered over the flow. */
  ownerOf(flow: FlowId): ConnectionId | undefined {
    return this.#byFlow.get(flow);
  }

  /** True while any PBX is registered from the address, over whichever flow. */
  isRegisteredFrom(address: string): boolean {
    return this.#byAddress.has(address);
  }

  /** RFC 3261 §22.2, RFC 7616: who sent it, and may they from there (SEC-01, REG-09). */
  admit(digest: DigestServer, flow: Flow, request: SipRequest, now: Millis): PbxVerdict {
    const known = this.#byId.get(this.ownerOf(flow.id) ?? (0 as ConnectionId));
    const isTrusted = known?.flowTrust === true && isReliable(flow.transport);
    if (known && isTrusted && request.method !== "REGISTER") return judge(known, flow);
    const ha1Of = (name: string) => this.#byUsername.get(name)?.ha1;
    const verdict = digest.verify(request, ha1Of, now, flow.remote.address);
    if (verdict.outcome !== "ok") {
      const isWrong = verdict.outcome === "wrong";
      return { outcome: "challenge", isStale: verdict.outcome === "stale", isWrong };
    }
    const connection = this.#byUsername.get(verdict.username);
    if (!connection) return { outcome: "challenge", isStale: false, isWrong: true };
    return judge(connection, flow);
  }

  /** Answers the REGISTER of an admitted PBX. */
  register({ id }: Connection, flow: Flow, request: SipRequest, now: Millis): Registered {
    const registered = this.#registrar.register(id, flow, request, now);
    const { response, changed } = registered;
    if (changed) this.#settle(now);
    // RFC 5626 §6: whoever asked for it learns that calls come over this very flow.
    if (response.status === 200 && asksForOutbound(request)) {
      response.headers.append("Require", "outbound");
    }
    return registered;
  }

  /** True when a PBX was registered over it. */
  closed(flow: FlowId, now: Millis): boolean {
    const changed = this.#registrar.closed(flow, now);
    if (changed) this.#settle(now);
    return changed;
  }

  deadline(): Millis | undefined {
    return earliest(this.#registrar.deadline(), this.#keepAlive.next());
  }

  /** What ran out, and the flows that are due for a keep-alive. */
  timeout(now: Millis): { changed: boolean; pings: FlowId[] } {
    const changed = this.#registrar.expire(now);
    if (changed) this.#settle(now);
    const pings: FlowId[] = [];
    for (let flow = this.#keepAlive.takeDue(now); flow; flow = this.#keepAlive.takeDue(now)) {
      pings.push(flow);
      this.#keepAlive.set(flow, now + KEEP_ALIVE_MS);
    }
    return { changed, pings };
  }

  /** The flows as they are now: each has its keep-alive, and no other. */
  #settle(now: Millis): void {
    const bindings = this.#registrar.all();
    const flows = new Map(bindings.map(({ flow, owner }) => [flow.id, owner]));
    for (const flow of this.#byFlow.keys()) {
      if (!flows.has(flow)) this.#keepAlive.set(flow, undefined);
    }
    for (const flow of flows.keys()) {
      if (!this.#byFlow.has(flow)) this.#keepAlive.set(flow, now + KEEP_ALIVE_MS);
    }
    this.#byFlow = flows;
    const before = this.#byAddress;
    const after = new Map(bindings.map(({ flow }) => [flow.remote.address, flow]));
    this.#byAddress = after;
    for (const [address, flow] of before) if (!after.has(address)) this.#moved(flow);
    for (const [address, flow] of after) if (!before.has(address)) this.#moved(flow);
  }
}

/** The right name and password are not all: a connection may ask for more. */
function judge(connection: Connection, flow: Flow): PbxVerdict {
  const { name, transport } = connection;
  if (!allows(connection, flow)) {
    return { outcome: "refused", reason: `${name} is not allowed from this address` };
  }
  if (transport === "tls" && flow.transport !== "tls") {
    return { outcome: "refused", reason: `${name} must come over TLS` };
  }
  return { outcome: "admitted", connection };
}

/** RFC 5626 §4.2.1: the option tag, and an instance with a reg-id in the Contact. */
function asksForOutbound(request: SipRequest): boolean {
  const wanted = contacts(request);
  if (wanted === "*" || !tokens(request, "Supported").includes("outbound")) return false;
  return wanted.some(({ params }) => params.has("+sip.instance") && params.has("reg-id"));
}
