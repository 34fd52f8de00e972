/**
 * The audio between two legs of a call and what goes with it: which legs are joined, hold carried
 * from one to the other (RFC 3264 §8.4) and the music meanwhile, digits, the ringback a waiting
 * party hears (X6), and what is announced to it.
 */

import type { Notice, RefusedReason, SoundFile } from "../media/protocol.ts";
import { canSend, reverse } from "../sdp/offer-answer.ts";
import { passAnswer } from "./codec-passing.ts";
import type { Digit } from "./info-digit.ts";
import type { Leg } from "./leg.ts";
import type { CallOrder, MediaOrder } from "./order.ts";
import { type Ending, TIMER_EXPIRY } from "./reason.ts";

export class Bridge {
  readonly #orders: CallOrder[];
  #joined: readonly [Leg, Leg] | undefined;
  /** Who hears which music, because the other end holds. */
  readonly #music = new Map<Leg, string>();

  constructor(orders: CallOrder[]) {
    this.#orders = orders;
  }

  /** Audio flows between the two from now on; `a` may be the one that `b` was found for. */
  join(a: Leg, b: Leg): void {
    passAnswer(b, a);
    const isNew = this.#joined?.[0] !== a || this.#joined?.[1] !== b;
    this.#joined = [a, b];
    this.connect(a);
    this.connect(b);
    if (isNew) this.#media({ type: "join", legs: [a.id, b.id] });
    this.#carryHold(a, b);
    this.#carryHold(b, a);
  }

  /** The media worker died: both legs begin anew in another one. */
  rebuild(): boolean {
    const joined = this.#joined;
    if (!joined?.every((leg) => leg.state === "confirmed")) return false;
    for (const leg of joined) leg.reopen();
    this.#media({ type: "join", legs: [joined[0].id, joined[1].id] });
    return true;
  }

  /** True where the call goes on although the worker refused something of this leg. */
  survives(leg: Leg | undefined, reason: RefusedReason): boolean {
    const joined = this.#joined;
    if (reason === "elsewhere" && leg && joined?.includes(leg)) {
      // It can't change its worker: it is opened anew here, and its peer is told.
      leg.reopen();
      this.#media({ type: "join", legs: [joined[0].id, joined[1].id] });
      return true;
    }
    return reason === "unknown-leg" && joined !== undefined;
  }

  /** The peer described its media: the worker hears of it, and the other end of a hold. */
  described(leg: Leg): void {
    this.connect(leg);
    const other = this.otherEnd(leg);
    if (other) this.#carryHold(leg, other);
  }

  /** Tells the worker what the leg's peer last said. */
  connect(leg: Leg): void {
    const { remote } = leg;
    if (remote) this.#media({ type: "connect", leg: leg.id, remote });
  }

  otherEnd(leg: Leg): Leg | undefined {
    if (this.#joined?.[0] === leg) return this.#joined[1];
    return this.#joined?.[1] === leg ? this.#joined[0] : undefined;
  }

  /** The leg has left: nothing is carried to it any more. */
  part(leg: Leg): void {
    if (this.otherEnd(leg)) this.#joined = undefined;
  }

  /** A digit from one end goes out at the other. */
  digit(from: Leg, { digit, durationMs }: Digit): void {
    const to = this.otherEnd(from);
    if (!to || to.digits.send({ digit, durationMs }) || to.negotiation.isRelayed) return;
    this.#media({ type: "dtmf", leg: to.id, digit, durationMs });
  }

  /** Ringback from us until the other end sends something to hear. */
  ringback(leg: Leg): void {
    // Without keys nothing of ours could be heard.
    if (leg.negotiation.isRelayed) return;
    this.#music.delete(leg);
    this.#media({ type: "play", leg: leg.id, sound: "ringback", untilAudio: true });
  }

  quiet(leg: Leg): void {
    this.#music.delete(leg);
    this.#media({ type: "play", leg: leg.id, sound: undefined, untilAudio: false });
  }

  /** Plays to its end to a party that nobody else speaks to; the worker says `played` then. */
  announce(leg: Leg, sound: SoundFile): void {
    this.connect(leg);
    this.#media({ type: "play", leg: leg.id, sound, untilAudio: false, once: true });
  }

  /** What one peer of itself lets us do is the most the other may do; music goes on alone. */
  #carryHold(from: Leg, to: Leg): void {
    const { wish } = from.negotiation;
    const music = holdMusic(from, to);
    to.limit(music !== undefined && wish === "inactive" ? "sendonly" : reverse(wish));
    if (music === this.#music.get(to)) return;
    if (music === undefined) this.quiet(to);
    else {
      this.#music.set(to, music);
      const sound = { file: music, otherwise: "hold" } as const;
      this.#media({ type: "play", leg: to.id, sound, untilAudio: false });
    }
  }

  #media(order: MediaOrder): void {
    this.#orders.push({ type: "media", order });
  }
}

/** A PBX that holds has music of its own, or silence. */
function holdMusic(from: Leg, to: Leg): string | undefined {
  const isHolding = from.kind === "webrtc" && !canSend(from.negotiation.wish);
  if (!isHolding || from.negotiation.isRelayed || !canSend(to.negotiation.wish)) return undefined;
  return from.options.holdMusic ?? to.options.holdMusic;
}

/** Why what the media worker says ends the call; undefined where it goes on. */
export function endFor(
  notice: Exclude<Notice, { type: "load" }>,
  leg: Leg,
  who: string,
): Ending | undefined {
  if (leg.state === "over") return undefined;
  // Whose connection is away may be on its way to another network: that has its own patience.
  if (notice.type === "silent" && leg.state === "confirmed" && !leg.isParked) {
    const seconds = Math.round(notice.forMs / 1_000);
    const reason = `no audio from the ${who} for ${seconds} s`;
    return { status: 200, reason, q850: TIMER_EXPIRY };
  }
  if (notice.type !== "failed" || (leg.isParked && notice.reason === "ice-consent"))
    return undefined;
  return { status: 500, reason: `media of the ${who} failed: ${notice.detail}` };
}
