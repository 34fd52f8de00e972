/**
 * What is passed between the two ends of a call where the gateway keeps out of it: one codec from end
 * to end for connections that do not transcode (MED-02), and the peers' own DTLS-SRTP keys where they
 * want none of ours (AMB-07). What one party can speak is what the other is offered, and what that
 * one chose is what the first is answered. Above: the search and the call. Below: negotiations.
 */
import type { Leg } from "./leg.ts";
import { type Ending, INCOMPATIBLE } from "./reason.ts";
import type { MediaMode } from "./status.ts";

/** Before `to` is offered anything: what `from` can speak, in its order. Why it can't be, if so. */
export function passOffer(from: Leg | undefined, to: Leg): Ending | undefined {
  if (!from) return undefined;
  const legs = [from, to];
  if (legs.some(({ negotiation }) => negotiation.relays)) {
    const mayRelay = legs.every(({ kind, negotiation }) => kind === "webrtc" || negotiation.relays);
    const isSealed = mayRelay && to.negotiation.relay(from.negotiation);
    if (!isSealed) {
      // Both are asked before either is changed.
      if (!legs.every(({ negotiation }) => negotiation.mayUnseal)) return UNSEALED;
      for (const { negotiation } of legs) negotiation.unseal();
    }
  }
  if (!(transcodes(from) && transcodes(to))) to.negotiation.limit(from.negotiation.codecs);
  return undefined;
}

const UNSEALED: Ending = {
  status: 488,
  reason:
    "the connection passes DTLS-SRTP on undecrypted, and the other side of this call has no keys of its own to offer it",
  q850: INCOMPATIBLE,
};

/**
 * `from` has chosen; neither of them may change it on its own from now on. Where `to` speaks another
 * one already, as after a transfer, each keeps its own.
 */
export function passAnswer(from: Leg, to: Leg): void {
  if (from.negotiation.isRelayed) to.negotiation.relay(from.negotiation);
  const codec = from.negotiation.remote?.codec.name;
  if (!codec || (transcodes(from) && transcodes(to))) return;
  if (!to.negotiation.codecs.includes(codec)) return;
  from.negotiation.limit([codec]);
  to.negotiation.limit([codec]);
}

/** What happens to the audio between the two; undefined until both have described theirs. */
export function mediaModeOf(a: Leg, b: Leg): MediaMode | undefined {
  const codecs = [a, b].map(({ negotiation }) => negotiation.remote?.codec.name);
  if (codecs.includes(undefined)) return undefined;
  if (a.negotiation.isRelayed && b.negotiation.isRelayed) return "relay";
  return codecs[0] === codecs[1] ? "bridge" : "transcode";
}

/** Whether the other end of the call may speak another codec. */
function transcodes({ options }: Leg): boolean {
  return options.transcodes !== false;
}
