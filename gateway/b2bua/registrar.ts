/**
 * The registrar: RFC 3261 §10.3, with RFC 5626 instances; for softphones over WebSocket flows, and
 * for PBXs that register with us.
 *
 * A binding is a flow, not an address: a browser's Contact names a host that does not exist
 * (RFC 7118 §5), a PBX's one behind its NAT, so a call goes back over the flow the REGISTER came
 * from. A closed flow may suspend its bindings: the device rings no more, but it is known again when
 * it returns (X1). Authentication happened before; above stands the B2BUA.
 */
import type { UserId } from "../../schema/config.ts";
import { Agenda } from "../agenda.ts";
import { BINDING_EXPIRES_MAX, BINDING_EXPIRES_MIN, BINDINGS_PER_USER_MAX } from "../limits.ts";
import type { Millis, WallMillis } from "../machine.ts";
import { callId, contacts, cseq, expires } from "../sip/accessors.ts";
import { createResponse } from "../sip/build.ts";
import type { Flow, FlowId } from "../sip/flow.ts";
import { printHostPort } from "../sip/grammar.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import { type NameAddr, printNameAddr } from "../sip/name-addr.ts";
import { refusal } from "./reason.ts";
import type { BindingStatus } from "./status.ts";

const LEAST: [string, string] = ["Min-Expires", String(BINDING_EXPIRES_MIN)];

/** One place an owner is registered from: a device of a user, a PBX of a connection. */
export interface Binding<Owner = UserId> {
  readonly owner: Owner;
  readonly flow: Flow;
  /** False once its flow is closed: it waits for the device to come back. */
  isOnline: boolean;
  readonly contact: NameAddr;
  /** The Contact as it is told back, all but the time it has left. */
  readonly echo: string;
  readonly userAgent: string;
  readonly since: Millis;
  expiresAt: Millis;
  callId: string;
  cseq: number;
}

export interface Registered {
  response: SipResponse;
  /** True when the set of devices changed. */
  changed: boolean;
  /** The flow a device came over before, when this REGISTER brought it to another one. */
  returned?: FlowId;
}

export interface RegistrarOptions<Owner> {
  /** How many bindings an owner may have: one more replaces the one registered longest ago (S8). */
  readonly bindingsMax: (owner: Owner) => number;
  /** How long a device may be without its connection and still be the same (E2 point 6). */
  readonly suspendedForMs: number;
}

/** Softphones come and go with their networks. */
export const SOFTPHONES: RegistrarOptions<UserId> = {
  bindingsMax: () => BINDINGS_PER_USER_MAX,
  suspendedForMs: 60_000,
};

export class Registrar<Owner = UserId> {
  readonly #options: RegistrarOptions<Owner>;
  readonly #bindings = new Map<Owner, Binding<Owner>[]>();
  readonly #agenda = new Agenda<Binding<Owner>>();

  constructor(options: RegistrarOptions<Owner>) {
    this.#options = options;
  }

  /** The devices that ring for an owner, newest first. */
  devicesOf(owner: Owner): readonly Binding<Owner>[] {
    return this.#bindingsOf(owner).filter((binding) => binding.isOnline);
  }

  /** Every device that is online. */
  all(): Binding<Owner>[] {
    return this.#every().filter((binding) => binding.isOnline);
  }

  /** Bindings kept, those that wait for their device included. */
  get size(): number {
    return this.#every().length;
  }

  /** When the next binding runs out. */
  deadline(): Millis | undefined {
    return this.#agenda.next();
  }

  /** Answers an authenticated REGISTER (RFC 3261 §10.3 steps 6 to 8). */
  register(owner: Owner, flow: Flow, request: SipRequest, now: Millis): Registered {
    const wanted = contacts(request);
    if (wanted === "*") {
      if (expires(request) !== 0) return refuse(request, 400, "Contact: * needs Expires: 0");
      const changed = this.#replace(owner, () => false);
      return { response: this.#success(owner, request, now), changed };
    }
    // RFC 3261 §10.3: all of them are bound, or none.
    const asked: { contact: NameAddr; seconds: number }[] = [];
    for (const contact of wanted) {
      const seconds = secondsOf(contact, request);
      if (seconds === undefined) return refuse(request, 400, "expires is no number of seconds");
      if (seconds > 0 && seconds < BINDING_EXPIRES_MIN) {
        return refuse(request, 423, "the registration would be too short", [LEAST]);
      }
      const before = this.#bindingOf(owner, contact);
      if (before && isStale(before, request)) return refuse(request, 500, "CSeq is out of order");
      asked.push({ contact, seconds });
    }
    let changed = false;
    let returned: FlowId | undefined;
    for (const { contact, seconds } of asked) {
      const before = this.#bindingOf(owner, contact);
      if (before && before.flow.id !== flow.id && seconds > 0) returned = before.flow.id;
      changed = this.#bind(owner, flow, request, contact, before, seconds, now) || changed;
    }
    const response = this.#success(owner, request, now);
    return returned === undefined ? { response, changed } : { response, changed, returned };
  }

  /** Suspends the bindings of a flow that closed; true when there were any. */
  closed(flow: FlowId, now: Millis): boolean {
    let changed = false;
    for (const binding of this.#every()) {
      if (binding.flow.id !== flow || !binding.isOnline) continue;
      changed = true;
      binding.isOnline = false;
      binding.expiresAt = Math.min(binding.expiresAt, now + this.#options.suspendedForMs);
      this.#agenda.set(binding, binding.expiresAt);
    }
    return changed;
  }

  /** Ends what ran out; true when anything did. */
  expire(now: Millis): boolean {
    let changed = false;
    for (let due = this.#agenda.takeDue(now); due; due = this.#agenda.takeDue(now)) {
      this.#replace(due.owner, (kept) => kept !== due);
      changed = true;
    }
    return changed;
  }

  /** Ends the bindings of owners that are not in the configuration any more. */
  retain(owners: ReadonlySet<Owner>): boolean {
    return this.#keep((binding) => owners.has(binding.owner));
  }

  #bindingsOf(owner: Owner): readonly Binding<Owner>[] {
    return this.#bindings.get(owner) ?? [];
  }

  /** The device's binding from before. */
  #bindingOf(owner: Owner, contact: NameAddr): Binding<Owner> | undefined {
    return this.#bindingsOf(owner).find((it) => isSameDevice(it.contact, contact));
  }

  #every(): Binding<Owner>[] {
    return [...this.#bindings.values()].flat();
  }

  #keep(wanted: (binding: Binding<Owner>) => boolean): boolean {
    let changed = false;
    for (const owner of [...this.#bindings.keys()]) {
      changed = this.#replace(owner, wanted) || changed;
    }
    return changed;
  }

  /** Keeps of an owner's bindings what is wanted, and `added` in front; true when any went. */
  #replace(
    owner: Owner,
    wanted: (binding: Binding<Owner>) => boolean,
    added?: Binding<Owner>,
  ): boolean {
    const before = this.#bindingsOf(owner);
    const kept = before.filter(wanted);
    const all = (added ? [added, ...kept] : kept).slice(0, this.#options.bindingsMax(owner));
    for (const binding of before) if (!all.includes(binding)) this.#agenda.set(binding, undefined);
    if (added) this.#agenda.set(added, added.expiresAt);
    if (all.length === 0) this.#bindings.delete(owner);
    else this.#bindings.set(owner, all);
    return kept.length < before.length;
  }

  #bind(
    owner: Owner,
    flow: Flow,
    request: SipRequest,
    contact: NameAddr,
    old: Binding<Owner> | undefined,
    seconds: number,
    now: Millis,
  ): boolean {
    if (seconds === 0) return this.#replace(owner, (binding) => binding !== old);
    const granted = Math.min(seconds, BINDING_EXPIRES_MAX);
    const binding: Binding<Owner> = {
      owner,
      flow,
      isOnline: true,
      contact,
      echo: echoOf(contact),
      userAgent: request.headers.get("User-Agent")?.slice(0, 200) ?? "",
      since: old && old.flow.id === flow.id ? old.since : now,
      expiresAt: now + granted * 1_000,
      callId: callId(request),
      cseq: cseq(request).number,
    };
    const before = this.#bindingsOf(owner).length;
    this.#replace(owner, (kept) => kept !== old, binding);
    // One that is refreshed may push others out, where fewer are allowed than were.
    return old?.flow.id !== flow.id || this.#bindingsOf(owner).length < before;
  }

  /** E2 point 6: every live binding is echoed with the time it has left and its own parameters. */
  #success(owner: Owner, request: SipRequest, now: Millis): SipResponse {
    const headers = this.devicesOf(owner).map((binding): [string, string] => {
      const left = Math.ceil((binding.expiresAt - now) / 1_000);
      return ["Contact", `${binding.echo};expires=${left}`];
    });
    return createResponse(request, 200, { headers });
  }
}

export function bindingStatus(
  { flow, userAgent, since, expiresAt }: Omit<Binding, "owner">,
  wall: (at: Millis) => WallMillis,
): Omit<BindingStatus, "user"> {
  const remote = printHostPort({ host: flow.remote.address, port: flow.remote.port });
  return { userAgent, remote, since: wall(since), expires: wall(expiresAt) };
}

/** RFC 3261 §10.3 step 7: the same Call-ID with a CSeq that did not grow is a late duplicate. */
function isStale(
  { callId: known, cseq: last }: Pick<Binding, "callId" | "cseq">,
  request: SipRequest,
): boolean {
  return known === callId(request) && last >= cseq(request).number;
}

function echoOf(contact: NameAddr): string {
  const params = new Map(contact.params);
  params.delete("expires");
  return printNameAddr({ ...contact, params });
}

/** RFC 5626 §6: one device is one `+sip.instance` with one `reg-id`; else one Contact URI. */
function isSameDevice(a: NameAddr, b: NameAddr): boolean {
  const instance = a.params.get("+sip.instance");
  if (instance !== undefined && instance === b.params.get("+sip.instance")) {
    return a.params.get("reg-id") === b.params.get("reg-id");
  }
  return a.uri === b.uri;
}

function secondsOf(contact: NameAddr, request: SipRequest): number | undefined {
  const own = contact.params.get("expires");
  if (own === undefined) return expires(request) ?? BINDING_EXPIRES_MAX;
  return /^[0-9]{1,10}$/.test(own) ? Number(own) : undefined;
}

function refuse(
  request: SipRequest,
  status: number,
  reason: string,
  headers: [string, string][] = [],
): Registered {
  return { response: refusal(request, status, reason, headers), changed: false };
}
