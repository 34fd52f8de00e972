/**
 * One leg's offer/answer (RFC 3264): which profile speaks for which kind of leg, and what both
 * sides last said. SDP text in, media values out; the SDP itself is the business of `sdp/`.
 */
import type { CodecName, Direction, LegKind, LocalLeg, RemoteLeg } from "../media/protocol.ts";
import { type Random, randomUint32 } from "../random.ts";
import {
  type AcceptedOffer,
  canReceive,
  canSend,
  type Origin,
  type Profile,
  type Result,
} from "../sdp/offer-answer.ts";
import {
  answeredRole,
  type FarSide,
  opposite,
  relayProfile,
  type SealedStream,
  type SetupRole,
  sealedStreamOf,
} from "../sdp/relay-profile.ts";
import { reoffer } from "../sdp/reoffer.ts";
import { trunkProfile } from "../sdp/trunk-profile.ts";
import { type EncryptionPolicy, SdesKeys } from "../sdp/trunk-security.ts";
import { webrtcProfile } from "../sdp/webrtc-profile.ts";

export interface NegotiationOptions {
  readonly kind: LegKind;
  readonly codecs: readonly CodecName[];
  /** How a PBX's audio is protected; in the clear where absent. */
  readonly encryption?: EncryptionPolicy;
  /** Whether a PBX is told that digits may come and go as telephone-events; true where absent. */
  readonly events?: boolean;
  /** Keys are the peers' own, and none of ours: DTLS-SRTP passes undecrypted (AMB-07). */
  readonly relays?: boolean;
  readonly random: Random;
}

const CLEAR: EncryptionPolicy = { encryption: "none", optional: false };

export class Negotiation {
  #profile: Profile;
  readonly #keys: SdesKeys;
  #relays: boolean;
  #wasUnsealed = false;
  readonly #isSealOptional: boolean;
  /** The other side of the call, whose descriptions this one's peer is given. */
  #far: Negotiation | undefined;
  /** What the peer last said that was taken. */
  #said: string | undefined;
  /** As far as the other peer is told of it; of most calls nobody is, and it is never read. */
  #sealed: SealedStream | undefined;
  /** The peer's part in a handshake that is not ours. */
  #role: SetupRole | undefined;
  #codecs: readonly CodecName[];
  /** The session id of our o= lines: digits, the same for the leg's whole life. */
  readonly #originId: string;
  #version = 0;
  #lastText = "";
  #offered: { text: string; direction: Direction } | undefined;
  #accepted: AcceptedOffer | undefined;
  /** The peer's offer while we have not answered it. */
  #asked: { sdp: string; limit: Direction } | undefined;
  #local: LocalLeg | undefined;
  #toldAddress: string | undefined;
  #remote: RemoteLeg | undefined;
  #wish: Direction = "sendrecv";

  constructor(options: NegotiationOptions) {
    const { kind, codecs, encryption = CLEAR, events = true, relays = false, random } = options;
    this.#relays = relays;
    this.#isSealOptional = encryption.optional;
    this.#keys = new SdesKeys(random);
    this.#profile =
      kind === "webrtc" ? webrtcProfile : trunkProfile({ ...encryption, keys: this.#keys }, events);
    this.#codecs = codecs;
    this.#originId = String(randomUint32(random));
  }

  /** The media leg as the peer is to see it: by the address that SIP tells it too (NAT-03). */
  get local(): LocalLeg | undefined {
    const local = this.#local;
    const told = this.#toldAddress;
    if (local?.kind !== "trunk" || told === undefined || told === local.rtp.address) return local;
    const { rtp, rtcp, interfaceAddress = rtp.address } = local;
    // What is on this very machine reaches the interface too, where media is received.
    const address = told.startsWith("127.") || told === "::1" ? interfaceAddress : told;
    return { ...local, rtp: { ...rtp, address }, rtcp: { ...rtcp, address } };
  }

  /** The address SIP names to the peer; for the whole call, whatever is set meanwhile. */
  tell(address: string): void {
    this.#toldAddress = address;
  }

  /** What the peer last said; undefined until an offer or answer was read. */
  get remote(): RemoteLeg | undefined {
    return this.#remote;
  }

  /**
   * What the peer of itself lets us do, seen from our side: `recvonly` while it holds us. An answer
   * to our own hold says nothing about the peer's wish.
   */
  get wish(): Direction {
    return this.#wish;
  }

  /** What can be spoken with the peer: what it offers and waits for, what is in use, or all of ours. */
  get codecs(): readonly CodecName[] {
    if (this.#asked && this.#accepted) return this.#accepted.codecs;
    return this.#remote ? [this.#remote.codec.name] : this.#codecs;
  }

  /** True where the keys are to be the peers' own. */
  get relays(): boolean {
    return this.#relays;
  }

  /** True once they are. */
  get isRelayed(): boolean {
    return this.#far !== undefined;
  }

  /** The peer is to be told of another one, and not of us: what it said, and its part in DTLS. */
  get farSide(): FarSide {
    return { sealed: this.#readSealed(), role: this.#role };
  }

  /**
   * From now on the peer is given what `far`'s peer says. False where that can't be: the keys of one
   * of them are agreed on already, or there is nothing to pass on.
   */
  relay(far: Negotiation): boolean {
    if (this.#far === far) return true;
    const isNew = this.#lastText === "" && far.#lastText === "";
    if (!isNew && far.#far !== this) return false;
    if (!far.#readSealed()) return false;
    const base = this.#profile;
    this.#far = far;
    this.#profile = {
      accept: (...asked) => relayProfile(base, far.farSide).accept(...asked),
      offer: (...asked) => relayProfile(base, far.farSide).offer(...asked),
      readAnswer: (...asked) => relayProfile(base, far.farSide).readAnswer(...asked),
    };
    if (!this.#asked) return true;
    return this.receiveOffer(this.#asked.sdp, this.#asked.limit).ok;
  }

  /** Whether what can't be passed on sealed may be spoken here instead (AMB-08). */
  get mayUnseal(): boolean {
    return !this.#relays || this.#isSealOptional;
  }

  /** Keys are agreed on with us after all; false where the connection wants nothing of it. */
  unseal(): boolean {
    if (!this.mayUnseal) return false;
    if (this.#relays) this.#wasUnsealed = true;
    this.#relays = false;
    return true;
  }

  /** What an administrator should know: that keys are ours although they were to be the peers'. */
  get notice(): string | undefined {
    if (!this.#wasUnsealed) return undefined;
    return "DTLS-SRTP could not be passed on undecrypted: the gateway holds this call's keys";
  }

  /** Of our codecs only these are spoken from now on, in this order; none of ours changes nothing. */
  limit(codecs: readonly CodecName[]): void {
    const limited = codecs.filter((name) => this.#codecs.includes(name));
    if (limited.length === 0) return;
    this.#codecs = limited;
    // What was not answered yet is read anew: the answer is made of what that chooses.
    if (this.#asked) this.receiveOffer(this.#asked.sdp, this.#asked.limit);
  }

  /** The media worker opened the leg, renewed its ICE credentials, or is another one. */
  opened(local: LocalLeg): void {
    if (this.#local && this.#local.ssrc !== local.ssrc) this.#keys.renew();
    this.#local = local;
  }

  /**
   * Reads the peer's offer; `limit` is the most we would do, from our side. `restarts` says that
   * the peer began ICE anew (RFC 8445 §9).
   */
  receiveOffer(sdp: string, limit: Direction = "sendrecv"): Result<{ restarts: boolean }> {
    const sealed = this.#sealedIn(sdp);
    if (!sealed.ok) return sealed;
    const free = this.#profile.accept(sdp, this.#preference());
    if (!free.ok) return free;
    const accepted =
      limit === "sendrecv" ? free : this.#profile.accept(sdp, this.#preference(), limit);
    if (!accepted.ok) return accepted;
    const restarts = isRestart(this.#remote, accepted.value.remote);
    this.#took(sdp, sealed.value);
    this.#accepted = accepted.value;
    this.#asked = { sdp, limit };
    this.#remote = accepted.value.remote;
    this.#wish = free.value.remote.direction;
    return { ok: true, value: { restarts } };
  }

  /** The answer to the peer's last offer. Undefined while the leg is not open. */
  answer(): string | undefined {
    const { local } = this;
    if (!this.#accepted || !local) return undefined;
    this.#asked = undefined;
    const { answer } = this.#accepted;
    const role = this.#far?.farSide.role;
    if (role) this.#role = opposite(role);
    return this.#versioned((origin) => answer(local, origin));
  }

  /** Our offer, the first or the next. Undefined while the leg is not open. */
  offer(direction: Direction = "sendrecv"): string | undefined {
    const { local } = this;
    if (!local) return undefined;
    const previous = this.#lastText;
    const text = this.#versioned((origin) =>
      previous === ""
        ? this.#profile.offer(local, this.#codecs, origin, direction)
        : reoffer(previous, local, direction, origin, { keys: this.#keys, relayed: !!this.#far }),
    );
    this.#offered = { text, direction };
    return text;
  }

  /** Reads the peer's answer to our last offer. */
  receiveAnswer(sdp: string): Result<RemoteLeg> {
    if (!this.#offered) {
      return { ok: false, status: 488, reason: "an answer came that nobody asked for" };
    }
    const { text, direction } = this.#offered;
    const sealed = this.#sealedIn(sdp);
    if (!sealed.ok) return sealed;
    const read = this.#profile.readAnswer(sdp, text);
    if (!read.ok) return read;
    this.#took(sdp, sealed.value);
    if (sealed.value) this.#role = answeredRole(sealed.value);
    this.#remote = read.value;
    const answered = read.value.direction;
    const sends = canSend(direction) ? canSend(answered) : canSend(this.#wish);
    const receives = canReceive(direction) ? canReceive(answered) : canReceive(this.#wish);
    if (sends) this.#wish = receives ? "sendrecv" : "sendonly";
    else this.#wish = receives ? "recvonly" : "inactive";
    return read;
  }

  /**
   * What is to be passed on, of a leg that has to keep its keys out of here: it alone is refused for
   * what it says. Of others it is read in case the other side of the call has to.
   */
  #sealedIn(sdp: string): Result<SealedStream | undefined> {
    if (!this.#far && !this.#relays) return { ok: true, value: undefined };
    const read = sealedStreamOf(sdp);
    if (!read.ok) {
      if (this.#far || (this.#relays && !this.unseal())) return read;
      return { ok: true, value: undefined };
    }
    const before = this.#readSealed();
    if (
      this.#far &&
      before &&
      this.#far.#lastText !== "" &&
      before.identity !== read.value.identity
    ) {
      const reason =
        "another certificate is offered; the other side of this call knows only the first";
      return { ok: false, status: 488, reason };
    }
    return read;
  }

  /** A description that was taken is what the other peer is told; a refused one changes nothing. */
  #took(sdp: string, sealed: SealedStream | undefined): void {
    this.#said = sdp;
    this.#sealed = sealed;
  }

  #readSealed(): SealedStream | undefined {
    if (!this.#sealed && this.#said !== undefined) {
      const read = sealedStreamOf(this.#said);
      if (read.ok) this.#sealed = read.value;
    }
    return this.#sealed;
  }

  /** A codec in use stays first: a re-offer should not change what runs without need. */
  #preference(): readonly CodecName[] {
    const current = this.#remote?.codec.name;
    if (current === undefined || !this.#codecs.includes(current)) return this.#codecs;
    return [current, ...this.#codecs.filter((name) => name !== current)];
  }

  /** RFC 3264 §8: the version grows by one exactly when the description changes. */
  #versioned(print: (origin: Origin) => string): string {
    if (this.#lastText !== "") {
      const same = print({ id: this.#originId, version: this.#version });
      if (same === this.#lastText) return same;
    }
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
