/**
 * Whose datagram is it, on the one port all webrtc legs of a worker share: a STUN request's by the
 * ufrag it names (RFC 8445 §7.3, RFC 8843 §9.3.1), all else by the source an authenticated check
 * came from. What nobody owns is junk. Above: the media plane. Below nothing.
 */
import { ICE_SOURCES_MAX } from "../limits.ts";
import { ufragOf } from "../stun/stun.ts";
import type { Endpoint } from "./protocol.ts";

interface Registration {
  ufrags: string[];
  sources: Endpoint[];
}

export class WebRtcDemultiplexer<Owner> {
  readonly #byUfrag = new Map<string, Owner>();
  /** By address, then by port: no key needs to be put together for a packet. */
  readonly #bySource = new Map<string, Map<number, Owner>>();
  readonly #registrations = new Map<Owner, Registration>();

  /** A further name of `owner`'s; earlier ones stay good (ICE restart). */
  register(owner: Owner, ufrag: string): void {
    const registration = this.#registrations.get(owner) ?? { ufrags: [], sources: [] };
    this.#registrations.set(owner, registration);
    registration.ufrags.push(ufrag);
    this.#byUfrag.set(ufrag, owner);
    // The generation before the last is over: its checks get no answer any more.
    if (registration.ufrags.length > 2) this.#byUfrag.delete(registration.ufrags.shift() ?? "");
  }

  /** Forgets all names and sources of `owner`. */
  unregister(owner: Owner): void {
    const registration = this.#registrations.get(owner);
    if (!registration) return;
    this.#registrations.delete(owner);
    for (const ufrag of registration.ufrags) this.#byUfrag.delete(ufrag);
    for (const source of registration.sources) this.#forget(source, owner);
  }

  /** Who a STUN datagram addresses. */
  byUfrag(datagram: Uint8Array): Owner | undefined {
    const ufrag = ufragOf(datagram);
    return ufrag === undefined ? undefined : this.#byUfrag.get(ufrag);
  }

  bySource(source: Endpoint): Owner | undefined {
    return this.#bySource.get(source.address)?.get(source.port);
  }

  /** `source` proved to be `owner`'s; whoever had it before is gone from there. */
  learn(source: Endpoint, owner: Owner): void {
    if (this.bySource(source) === owner) return;
    const registration = this.#registrations.get(owner);
    if (!registration) return;
    registration.sources.push({ address: source.address, port: source.port });
    if (registration.sources.length > ICE_SOURCES_MAX) {
      const oldest = registration.sources.shift();
      if (oldest) this.#forget(oldest, owner);
    }
    const ports = this.#bySource.get(source.address) ?? new Map<number, Owner>();
    ports.set(source.port, owner);
    this.#bySource.set(source.address, ports);
  }

  /** Names and sources held; nothing when every owner has been taken out. */
  get size(): number {
    return this.#byUfrag.size + this.#bySource.size;
  }

  #forget(source: Endpoint, owner: Owner): void {
    const ports = this.#bySource.get(source.address);
    if (ports?.get(source.port) !== owner) return;
    ports.delete(source.port);
    if (ports.size === 0) this.#bySource.delete(source.address);
  }
}
