/**
 * Where a PBX last answered, beside where its name leads now (TST-04): who went away and who moved
 * look alike from here, and a person wants to know which. Above: registration.ts, reachability.ts.
 */
import type { Connection, ConnectionId } from "../../schema/config.ts";
import { parseAddress } from "../address.ts";
import type { Flow } from "../sip/flow.ts";
import { printHostPort } from "../sip/grammar.ts";

/** Where the PBX of this host answered. */
export interface Place {
  readonly host: string;
  /** `address:port`. */
  readonly address: string;
}

/** What of it outlives the trunk that found it out: a changed connection, and a restart. */
export interface KnownPlace {
  place?: Place;
}

/** What is known of each connection, whatever trunk it has. */
export class KnownPlaces {
  readonly #places = new Map<ConnectionId, KnownPlace>();

  /** `places`: what the gateway before this one found out. */
  constructor(places: ReadonlyMap<ConnectionId, Place> = new Map()) {
    for (const [id, place] of places) this.#places.set(id, { place });
  }

  of(id: ConnectionId): KnownPlace {
    const known = this.#places.get(id) ?? {};
    this.#places.set(id, known);
    return known;
  }

  /** Of connections that are no more nothing is kept. */
  retain(connections: readonly Connection[]): void {
    const there = new Set(connections.map(({ id }) => id));
    for (const id of this.#places.keys()) if (!there.has(id)) this.#places.delete(id);
  }
}

export class LastPlace {
  readonly #host: string;
  readonly #known: KnownPlace;
  /** `address:port`. */
  #asked: string | undefined;

  constructor(connection: Connection, known: KnownPlace = {}) {
    this.#host = (connection.outboundProxy ?? connection).host;
    this.#known = known;
  }

  /** A request goes out over this flow. */
  asked({ remote: { address, port } }: Flow): void {
    this.#asked = printHostPort({ host: address, port });
  }

  /** The request that went out last was answered. */
  answered(): void {
    const [address, host] = [this.#asked, this.#host];
    if (address === undefined || address === this.#before) return;
    this.#known.place = { host, address };
  }

  /** A sentence about silence, with what is known of the way there. */
  explained(reason: string): string {
    const [before, now] = [this.#before, this.#asked];
    if (before === undefined || now === undefined || now === before) return reason;
    // An address leads to itself: another one is a further host's.
    if (parseAddress(this.#host)) return reason;
    return `${reason}; it last answered at ${before}, and ${this.#host} leads to ${now} now`;
  }

  /** What another host answered from says nothing of this one. */
  get #before(): string | undefined {
    const { place } = this.#known;
    return place?.host === this.#host ? place.address : undefined;
  }
}
