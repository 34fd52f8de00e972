/**
 * Dialogs: RFC 3261 §12. What both sides of a call agreed on (ids, addresses, routes, counters) and
 * the requests that can be made of it. No timers and no calls: its user decides what to send.
 */
import { callId, contacts, cseq, from, recordRoutes, to } from "./accessors.ts";
import { type Body, createRequest } from "./build.ts";
import type { SipMessage, SipRequest, SipResponse } from "./message.ts";
import { type NameAddr, printNameAddr, tagOf } from "./name-addr.ts";
import { parseUri } from "./uri.ts";

export interface Dialog {
  readonly callId: string;
  readonly localTag: string;
  readonly remoteTag: string;
  readonly local: NameAddr;
  readonly remote: NameAddr;
  /** §12.2.1.1: URIs with their parameters, in the order requests pass them. */
  readonly routes: readonly NameAddr[];
  remoteTarget: string;
  localSequence: number;
  /** Undefined until the peer sent a request of its own. */
  remoteSequence: number | undefined;
}

/** §12.1.2: the caller's side. Undefined when the response has no To tag or no usable Contact. */
export function dialogFromResponse(request: SipRequest, response: SipResponse): Dialog | undefined {
  const remote = to(response);
  const remoteTag = tagOf(remote);
  const remoteTarget = contactOf(response);
  if (remoteTag === undefined || remoteTarget === undefined) return undefined;
  const local = from(request);
  return {
    callId: callId(request),
    localTag: tagOf(local) ?? "",
    remoteTag,
    local,
    remote,
    routes: recordRoutes(response).reverse(),
    remoteTarget,
    localSequence: cseq(request).number,
    remoteSequence: undefined,
  };
}

/** §12.1.1: the callee's side. Where the request has no Contact, its From is what there is. */
export function dialogFromRequest(request: SipRequest, localTag: string): Dialog {
  const remote = from(request);
  const bare = to(request);
  return {
    callId: callId(request),
    localTag,
    remoteTag: tagOf(remote) ?? "",
    local: { ...bare, params: new Map([...bare.params, ["tag", localTag]]) },
    remote,
    routes: recordRoutes(request),
    remoteTarget: contactOf(request) ?? remote.uri,
    localSequence: 0,
    remoteSequence: cseq(request).number,
  };
}

export interface InDialogParts {
  contact?: string;
  headers?: readonly (readonly [string, string])[];
  body?: Body;
}

/** §12.2.1.1: the next request inside the dialog. */
export function requestIn(dialog: Dialog, method: string, parts: InDialogParts = {}): SipRequest {
  dialog.localSequence += 1;
  return build(dialog, method, dialog.localSequence, parts);
}

/** §13.2.2.4: the ACK of a 2xx, with the CSeq of the INVITE it answers. */
export function ackFor(dialog: Dialog, invite: SipRequest): SipRequest {
  return build(dialog, "ACK", cseq(invite).number, {});
}

/** Why a request may not come now: the status to answer, and a sentence. */
export interface Refused {
  readonly ok: false;
  readonly status: number;
  readonly reason: string;
}

export type DialogVerdict = { readonly ok: true } | Refused;

export const NO_DIALOG: Refused = { ok: false, status: 481, reason: "there is no such dialog" };

/** §12.2.2: whether a request may come now; a target refresh moves the peer's address. */
export function acceptRequest(dialog: Dialog, request: SipRequest): DialogVerdict {
  if (tagOf(from(request)) !== undefined && tagOf(from(request)) !== dialog.remoteTag) {
    return NO_DIALOG;
  }
  const { number } = cseq(request);
  if (dialog.remoteSequence !== undefined && number <= dialog.remoteSequence) {
    return { ok: false, status: 500, reason: "CSeq is out of order" };
  }
  dialog.remoteSequence = number;
  const target = contactOf(request);
  const refreshes = request.method === "INVITE" || request.method === "UPDATE";
  if (refreshes && target !== undefined) dialog.remoteTarget = target;
  return { ok: true };
}

function build(dialog: Dialog, method: string, sequence: number, parts: InDialogParts): SipRequest {
  const [first, ...others] = dialog.routes;
  const isStrict = first !== undefined && parseUri(first.uri)?.params.has("lr") !== true;
  // A strict router wants its own address in the Request-URI and the target last (§12.2.1.1).
  const target: NameAddr = { uri: dialog.remoteTarget, params: new Map() };
  const routes = isStrict ? [...others, target] : dialog.routes;
  return createRequest({
    method,
    uri: isStrict ? first.uri : dialog.remoteTarget,
    from: dialog.local,
    to: dialog.remote,
    callId: dialog.callId,
    cseq: sequence,
    routes: routes.map(printNameAddr),
    ...parts,
  });
}

function contactOf(message: SipMessage): string | undefined {
  const list = contacts(message);
  return list === "*" ? undefined : list[0]?.uri;
}
