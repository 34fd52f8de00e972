/**
 * The ICE-lite agent of one webrtc leg: RFC 8445 §2.5 and §7.3 (answering checks), §8.2 (the lite
 * side and nomination), §9 (restart), and consent as a lite agent sees it (RFC 7675 §5.1). It sends
 * no checks; we are always controlled. Below it STUN; above it the leg, which owns socket and clock.
 */
import { utf8 } from "../../bytes.ts";
import { ICE_SOURCES_MAX, STUN_UNKNOWN_ATTRIBUTES_MAX } from "../../limits.ts";
import type { Millis } from "../../machine.ts";
import { BINDING, integrityIsRight, readStun, type StunMessage } from "../../stun/stun.ts";
import { StunWriter } from "../../stun/stun-writer.ts";
import type { IceCredentials } from "../protocol.ts";
import { type Source, sameSource } from "./source.ts";

/** RFC 7675 §5.1: consent lasts 30 seconds from the last authenticated request. */
export const CONSENT_EXPIRES_MS = 30_000;

/** Header, error with text, unknown attributes, address, integrity, fingerprint, all at most. */
const RESPONSE_BYTES_MAX = 192;

export type IceDropReason =
  | "malformed"
  | "fingerprint"
  | "not-binding-request"
  | "ufrag"
  | "integrity"
  | "unknown-attribute"
  | "role-conflict";

/** What to do about one STUN datagram. */
export interface IceResult {
  /** To be sent to where the datagram came from; good until the next `receive` of this agent. */
  response?: Uint8Array;
  /** `selected` moved. */
  changed?: boolean;
  /** Why it validated nothing. */
  dropped?: IceDropReason;
}

/** One generation of credentials; an ICE restart begins the next. */
interface Generation {
  local: IceCredentials;
  key: Uint8Array;
  remote?: IceCredentials;
}

export class IceLite {
  readonly #writer = new StunWriter(new Uint8Array(RESPONSE_BYTES_MAX));
  #current: Generation;
  /** Before a restart, until the peer nominates a pair with the new credentials. */
  #previous: Generation | undefined;
  #selected: Source | undefined;
  /** Where authenticated checks came from, oldest first. */
  readonly #validated: Source[] = [];
  #consentUntil: Millis | undefined;

  constructor(options: { local: IceCredentials }) {
    this.#current = generation(options.local);
  }

  /**
   * What the peer's SDP said. Checks that come earlier are answered and count; once it is known, a
   * check that names another remote ufrag is answered (RFC 8445 §7.3) and counts for nothing.
   */
  setRemote(remote: IceCredentials): void {
    this.#current.remote = remote;
  }

  /**
   * ICE restart (RFC 8445 §9): new local credentials, the peer's to come. The old ones stay good,
   * and the selected pair in use, until the peer nominates with the new.
   */
  restart(local: IceCredentials): void {
    this.#previous = this.#current;
    this.#current = generation(local);
  }

  /** The remote address of the nominated pair; a later nomination moves it. */
  get selected(): Source | undefined {
    return this.#selected;
  }

  /** Whether an authenticated check came from here. */
  validated(source: Source): boolean {
    for (const known of this.#validated) if (sameSource(known, source)) return true;
    return false;
  }

  /** When consent expires; undefined before the first authenticated check. */
  deadline(): Millis | undefined {
    return this.#consentUntil;
  }

  /** Whether the peer once consented and no longer does: media must not be sent. */
  expired(now: Millis): boolean {
    return this.#consentUntil !== undefined && now >= this.#consentUntil;
  }

  /** Takes one STUN datagram that came from `source`. */
  receive(datagram: Uint8Array, source: Source, now: Millis): IceResult {
    const message = readStun(datagram);
    if (!message) return { dropped: "malformed" };
    if (message.fingerprint === "wrong") return { dropped: "fingerprint" };
    if (message.class !== "request" || message.method !== BINDING) {
      return { dropped: "not-binding-request" };
    }
    const [ufrag, remoteUfrag] = message.username?.split(":", 2) ?? [];
    const addressed = this.#generationOf(ufrag);
    if (!addressed) return { dropped: "ufrag" };
    if (!integrityIsRight(datagram, message, addressed.key)) {
      // RFC 8489 §9.1.3. These answers cannot carry integrity themselves.
      const missing = message.integrityOffset === undefined;
      this.#startError(message, missing ? 400 : 401, missing ? "Bad Request" : "Unauthorized");
      return { dropped: "integrity", response: this.#writer.fingerprint().finish() };
    }
    if (message.notUnderstood.length > 0) {
      this.#startError(message, 420, "Unknown Attribute").unknownAttributes(
        message.notUnderstood.slice(0, STUN_UNKNOWN_ATTRIBUTES_MAX),
      );
      return { dropped: "unknown-attribute", response: this.#seal(addressed) };
    }
    if (message.role === "controlled") {
      // Both sides cannot be controlled, and a lite agent never switches (RFC 8445 §7.3.1.1).
      this.#startError(message, 487, "Role Conflict");
      return { dropped: "role-conflict", response: this.#seal(addressed) };
    }
    this.#writer.start("success", BINDING, message.transactionId).xorMappedAddress(source);
    const response = this.#seal(addressed);
    const { remote } = addressed;
    if (remote && remote.ufrag !== remoteUfrag) return { response, dropped: "ufrag" };
    return { response, changed: this.#count(message, addressed, source, now) };
  }

  /** An authenticated check: validates its source, may nominate it, renews consent. */
  #count(message: StunMessage, addressed: Generation, source: Source, now: Millis): boolean {
    this.#validate(source);
    let changed = false;
    if (message.useCandidate) {
      if (addressed === this.#current) this.#previous = undefined;
      changed = !this.#selected || !sameSource(this.#selected, source);
      if (changed) this.#selected = { address: source.address, port: source.port };
    }
    // Consent belongs to a pair: checks on another one say nothing about the one in use.
    if (!this.#selected || sameSource(this.#selected, source)) {
      this.#consentUntil = now + CONSENT_EXPIRES_MS;
    }
    return changed;
  }

  #validate(source: Source): void {
    if (this.validated(source)) return;
    if (this.#validated.length >= ICE_SOURCES_MAX) {
      const selected = this.#selected;
      const oldest = this.#validated.findIndex(
        (known) => !selected || !sameSource(known, selected),
      );
      this.#validated.splice(oldest, 1);
    }
    this.#validated.push({ address: source.address, port: source.port });
  }

  #generationOf(ufrag: string | undefined): Generation | undefined {
    if (this.#current.local.ufrag === ufrag) return this.#current;
    return this.#previous?.local.ufrag === ufrag ? this.#previous : undefined;
  }

  #startError(message: StunMessage, code: number, reason: string): StunWriter {
    return this.#writer.start("error", BINDING, message.transactionId).errorCode(code, reason);
  }

  /** Integrity with the password the request used (RFC 8489 §9.1.4), then the fingerprint. */
  #seal(addressed: Generation): Uint8Array {
    return this.#writer.integrity(addressed.key).fingerprint().finish();
  }
}

function generation(local: IceCredentials): Generation {
  return { local, key: utf8(local.password) };
}
