/**
 * The registrar for softphones: RFC 3261 §10.3, with RFC 5626 instances, over WebSocket flows.
 *
 * A binding is a flow, not an address: a browser's Contact names a host that does not exist
 * (RFC 7118 §5), so a call goes back over the flow the REGISTER came from, and a closed flow ends
 * its bindings. Authentication happened before; above stands the B2BUA.
 */
import type { UserId } from "../../schema/config.ts";
import { BINDING_EXPIRES_MAX, BINDING_EXPIRES_MIN, BINDINGS_PER_USER_MAX } from "../limits.ts";
import type { Millis } from "../machine.ts";
import { callId, contacts, cseq, expires } from "../sip/accessors.ts";
import { createResponse } from "../sip/build.ts";
import type { Flow, FlowId } from "../sip/flow.ts";
import type { SipRequest, SipResponse } from "../sip/message.ts";
import { type NameAddr, printNameAddr } from "../sip/name-addr.ts";

/** One registered device of a user. */
export interface Binding {
  readonly user: UserId;
  readonly flow: Flow;
  readonly contact: NameAddr;
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
}

export class Registrar {
  readonly #bindings = new Map<UserId, Binding[]>();

  /** The devices that ring for a user, newest first. */
  devicesOf(user: UserId): readonly Binding[] {
    return this.#bindings.get(user) ?? [];
  }

  all(): Binding[] {
    return [...this.#bindings.values()].flat();
  }

  /** When the next binding runs out. */
  deadline(): Millis | undefined {
    let next: Millis | undefined;
    for (const binding of this.all()) {
      if (next === undefined || binding.expiresAt < next) next = binding.expiresAt;
    }
    return next;
  }

  /** Answers an authenticated REGISTER (RFC 3261 §10.3 steps 6 to 8). */
  register(user: UserId, flow: Flow, request: SipRequest, now: Millis): Registered {
    const wanted = contacts(request);
    if (wanted === "*") {
      if (expires(request) !== 0) return refuse(request, 400, "Contact: * needs Expires: 0");
      const changed = this.#bindings.delete(user);
      return { response: this.#success(user, request, now), changed };
    }
    let changed = false;
    for (const contact of wanted) {
      const seconds = secondsOf(contact, request);
      if (seconds === undefined) return refuse(request, 400, "expires is no number of seconds");
      if (seconds > 0 && seconds < BINDING_EXPIRES_MIN) {
        return refuse(request, 423, undefined, [["Min-Expires", String(BINDING_EXPIRES_MIN)]]);
      }
      if (this.#isStale(user, contact, request))
        return refuse(request, 500, "CSeq is out of order");
      changed = this.#bind(user, flow, request, contact, seconds, now) || changed;
    }
    return { response: this.#success(user, request, now), changed };
  }

  /** Ends the bindings of a flow that closed; true when there were any. */
  closed(flow: FlowId): boolean {
    return this.#keep((binding) => binding.flow.id !== flow);
  }

  /** Ends what ran out; true when anything did. */
  expire(now: Millis): boolean {
    return this.#keep((binding) => binding.expiresAt > now);
  }

  /** Ends the bindings of users that are not in the configuration any more. */
  retain(users: ReadonlySet<UserId>): boolean {
    return this.#keep((binding) => users.has(binding.user));
  }

  #keep(wanted: (binding: Binding) => boolean): boolean {
    let changed = false;
    for (const [user, bindings] of this.#bindings) {
      const kept = bindings.filter(wanted);
      if (kept.length === bindings.length) continue;
      changed = true;
      if (kept.length === 0) this.#bindings.delete(user);
      else this.#bindings.set(user, kept);
    }
    return changed;
  }

  /** RFC 3261 §10.3 step 7: the same Call-ID with a CSeq that did not grow is a late duplicate. */
  #isStale(user: UserId, contact: NameAddr, request: SipRequest): boolean {
    const existing = this.devicesOf(user).find((binding) => isSameDevice(binding.contact, contact));
    return (
      existing !== undefined &&
      existing.callId === callId(request) &&
      existing.cseq >= cseq(request).number
    );
  }

  #bind(
    user: UserId,
    flow: Flow,
    request: SipRequest,
    contact: NameAddr,
    seconds: number,
    now: Millis,
  ): boolean {
    const before = this.devicesOf(user);
    const old = before.find((binding) => isSameDevice(binding.contact, contact));
    const others = before.filter((binding) => binding !== old);
    if (seconds === 0) {
      if (others.length === 0) this.#bindings.delete(user);
      else this.#bindings.set(user, others);
      return old !== undefined;
    }
    const granted = Math.min(seconds, BINDING_EXPIRES_MAX);
    const binding: Binding = {
      user,
      flow,
      contact,
      userAgent: request.headers.get("User-Agent")?.slice(0, 200) ?? "",
      since: old && old.flow.id === flow.id ? old.since : now,
      expiresAt: now + granted * 1_000,
      callId: callId(request),
      cseq: cseq(request).number,
    };
    // A user's eleventh device replaces the one registered longest ago (S8).
    this.#bindings.set(user, [binding, ...others].slice(0, BINDINGS_PER_USER_MAX));
    return old?.flow.id !== flow.id;
  }

  /** E2 point 6: every live binding is echoed with the time it has left and its own parameters. */
  #success(user: UserId, request: SipRequest, now: Millis): SipResponse {
    const headers = this.devicesOf(user).map((binding): [string, string] => {
      const left = Math.ceil((binding.expiresAt - now) / 1_000);
      const params = new Map(binding.contact.params);
      params.set("expires", String(left));
      return ["Contact", printNameAddr({ ...binding.contact, params })];
    });
    return createResponse(request, 200, { headers });
  }
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
  reason?: string,
  headers: [string, string][] = [],
): Registered {
  const options = reason === undefined ? { headers } : { headers, reason };
  return { response: createResponse(request, status, options), changed: false };
}
