/**
 * One leg's offer/answer (RFC 3264): which profile speaks for which kind of leg, and what both
 * sides last said. SDP text in, media values out; the SDP itself is the business of `sdp/`.
 */
import type { CodecName, LegKind, LocalLeg, RemoteLeg } from "../media/protocol.ts";
import type { AcceptedOffer, Origin, Result } from "../sdp/offer-answer.ts";
import { acceptTrunkOffer, readTrunkAnswer, trunkOffer } from "../sdp/trunk-profile.ts";
import { acceptWebrtcOffer, readWebrtcAnswer, webrtcOffer } from "../sdp/webrtc-profile.ts";

const profiles = {
  webrtc: { accept: acceptWebrtcOffer, offer: webrtcOffer, readAnswer: readWebrtcAnswer },
  trunk: { accept: acceptTrunkOffer, offer: trunkOffer, readAnswer: readTrunkAnswer },
};

export class Negotiation {
  readonly #profile: (typeof profiles)[LegKind];
  readonly #codecs: readonly CodecName[];
  readonly #originId: string;
  #version = 0;
  #lastText = "";
  #offered: string | undefined;
  #accepted: AcceptedOffer | undefined;
  #local: LocalLeg | undefined;
  #remote: RemoteLeg | undefined;

  /** `originId` is the session id of our o= lines: digits, the same for the leg's whole life. */
  constructor(kind: LegKind, codecs: readonly CodecName[], originId: string) {
    this.#profile = profiles[kind];
    this.#codecs = codecs;
    this.#originId = originId;
  }

  get local(): LocalLeg | undefined {
    return this.#local;
  }

  /** What the peer last said; undefined until an offer or answer was read. */
  get remote(): RemoteLeg | undefined {
    return this.#remote;
  }

  /** The media worker opened the leg, or renewed its ICE credentials. */
  opened(local: LocalLeg): void {
    this.#local = local;
  }

  /** Reads the peer's offer. `restarts` says that the peer began ICE anew (RFC 8445 §9). */
  receiveOffer(sdp: string): Result<{ restarts: boolean }> {
    const accepted = this.#profile.accept(sdp, this.#preference());
    if (!accepted.ok) return accepted;
    const restarts = isRestart(this.#remote, accepted.value.remote);
    this.#accepted = accepted.value;
    this.#remote = accepted.value.remote;
    return { ok: true, value: { restarts } };
  }

  /** The answer to the peer's last offer. Undefined while the leg is not open. */
  answer(): string | undefined {
    if (!this.#accepted || !this.#local) return undefined;
    const { answer } = this.#accepted;
    const local = this.#local;
    return this.#versioned((origin) => answer(local, origin));
  }

  /** Our offer. Undefined while the leg is not open. */
  offer(): string | undefined {
    const local = this.#local;
    if (!local) return undefined;
    const text = this.#versioned((origin) => this.#profile.offer(local, this.#codecs, origin));
    this.#offered = text;
    return text;
  }

  /** Reads the peer's answer to our last offer. */
  receiveAnswer(sdp: string): Result<RemoteLeg> {
    if (this.#offered === undefined) {
      return { ok: false, status: 488, reason: "an answer came that nobody asked for" };
    }
    const read = this.#profile.readAnswer(sdp, this.#offered);
    if (read.ok) this.#remote = read.value;
    return read;
  }

  /** A codec in use stays first: a re-offer should not change what runs without need. */
  #preference(): readonly CodecName[] {
    const current = this.#remote?.codec.name;
    if (current === undefined) return this.#codecs;
    return [current, ...this.#codecs.filter((name) => name !== current)];
  }

  /** RFC 3264 §8: the version grows by one exactly when the description changes. */
  #versioned(print: (origin: Origin) => string): string {
    const same = print({ id: this.#originId, version: this.#version });
    if (same === this.#lastText) return same;
    this.#version += 1;
    this.#lastText = print({ id: this.#originId, version: this.#version });
    return this.#lastText;
  }
}

function isRestart(before: RemoteLeg | undefined, after: RemoteLeg): boolean {
  return (
    before?.kind === "webrtc" && after.kind === "webrtc" && before.ice.ufrag !== after.ice.ufrag
  );
}
