/**
 * The interfaces of the settings, as far as SIP goes by them (CON-20): opened when they are set, and
 * closed when they are taken away and nothing that we opened goes by them any more.
 */
import { type Cidr, parseCidr } from "../address.ts";
import type { InterfaceStatus } from "../b2bua/status.ts";
import {
  hostTowards,
  type NamedInterface,
  type Nat,
  type OwnPlace,
  placeOf,
} from "../own-place.ts";
import type { FlowId } from "../sip/flow.ts";
import type { PlaceSettings } from "./network.ts";
import { listenSip, type SipListeners, type SipListenersOptions } from "./sip-listeners.ts";

type Options = Pick<SipListenersOptions, "feed" | "tls">;

/** An address and port that is open, is being opened, or can't be. */
interface Home {
  readonly listening: Promise<SipListeners>;
  listeners: SipListeners | undefined;
  problem: string | undefined;
  /** As the settings have it now. */
  place: OwnPlace;
  /** Flows we opened by it. */
  readonly flows: Set<FlowId>;
  isRetired: boolean;
}

const keyOf = ({ address, sipPort }: NamedInterface) => `${address} ${sipPort}`;

export class SipInterfaces {
  readonly #options: Options;
  #interfaces: readonly NamedInterface[] = [];
  #localNetworks: readonly Cidr[] = [];
  /** By address and port. */
  readonly #homes = new Map<string, Home>();

  constructor(options: Options) {
    this.#options = options;
  }

  /** Opens what is new; what is gone stays until the last flow by it is closed. */
  configure({ interfaces = [], localNetworks = [] }: PlaceSettings): void {
    this.#localNetworks = localNetworks.flatMap((block) => parseCidr(block)?.cidr ?? []);
    this.#interfaces = interfaces;
    const wanted = interfaces.filter(({ sipPort }) => sipPort !== undefined);
    const keys = new Set(wanted.map(keyOf));
    for (const [key, home] of this.#homes) {
      home.isRetired = !keys.has(key);
      this.#tidy(key, home);
    }
    for (const one of wanted) {
      const known = this.#homes.get(keyOf(one));
      const place = placeOf(one, this.#localNetworks);
      if (known && known.problem === undefined) known.place = place;
      else this.#homes.set(keyOf(one), this.#open(one, place));
    }
  }

  /** Where a connection's own questions go by; undefined where it names none that is there. */
  placeFor({ interface: name, nat }: { readonly interface?: string; readonly nat?: Nat }) {
    const found = this.#interfaces.find((it) => it.name === name);
    if (!found) return undefined;
    const place = placeOf(found, this.#localNetworks);
    const localHostFor = (remote: string) => hostTowards(remote, place, nat);
    return { localHostFor, localAddress: found.address };
  }

  /** The one of that name, once it is open; rejects with why it can't be. */
  async named(name: string): Promise<Pick<SipListeners, "reach">> {
    const found = this.#interfaces.find((it) => it.name === name);
    const home = found && this.#homes.get(keyOf(found));
    if (!home) throw new Error(`there is no interface ${name} with a SIP port in the settings`);
    const listeners = await home.listening;
    return {
      reach: async (id, target, remote) => {
        home.flows.add(id);
        const failure = await listeners.reach(id, target, remote);
        if (failure !== undefined) home.flows.delete(id);
        return failure;
      },
    };
  }

  get status(): readonly InterfaceStatus[] {
    return this.#interfaces.map(({ name, address, externalAddress, sipPort }) => {
      const home = this.#homes.get(`${address} ${sipPort}`);
      const { tlsPort } = home?.listeners ?? {};
      return {
        ...{ name, bound: address, address: externalAddress ?? address },
        ...(sipPort === undefined ? {} : { sipPort }),
        ...(tlsPort === undefined ? {} : { sipTlsPort: tlsPort }),
        ...(home?.problem === undefined ? {} : { problem: home.problem }),
      };
    });
  }

  get tlsProblem(): string | undefined {
    return this.#listeners.find((it) => it.tlsProblem !== undefined)?.tlsProblem;
  }

  send(flow: FlowId, bytes: Uint8Array): boolean {
    return this.#listeners.some((it) => it.send(flow, bytes));
  }

  close(flow: FlowId, reason: string): boolean {
    const isClosed = this.#listeners.some((it) => it.close(flow, reason));
    this.#left(flow);
    return isClosed;
  }

  stop(): void {
    for (const listeners of this.#listeners) listeners.stop();
  }

  get #listeners(): SipListeners[] {
    return [...this.#homes.values()].flatMap(({ listeners }) => listeners ?? []);
  }

  #open(one: NamedInterface, place: OwnPlace): Home {
    const { address, sipPort = 0 } = one;
    const { feed, tls } = this.#options;
    const home: Home = {
      listening: listenSip({
        at: { host: address, port: sipPort },
        ...(tls ? { tls: { ...tls, host: address, port: sipPort + 1 } } : {}),
        interfaceAddress: address,
        localHostFor: (remote, nat) => hostTowards(remote, home.place, nat),
        feed: (input) => {
          feed(input);
          if (input.type === "closed") this.#left(input.flow);
        },
      }),
      ...{ listeners: undefined, problem: undefined, place },
      ...{ flows: new Set<FlowId>(), isRetired: false },
    };
    home.listening.then(
      (listeners) => {
        home.listeners = listeners;
        this.#tidy(keyOf(one), home);
      },
      ({ message }: Error) => {
        // Whoever waits is told by the promise; the page by this.
        home.problem = `${address}:${sipPort} can't be opened for SIP (${message}): is it an address of this machine, and is the port free?`;
      },
    );
    return home;
  }

  #left(flow: FlowId): void {
    for (const [key, home] of this.#homes) if (home.flows.delete(flow)) this.#tidy(key, home);
  }

  #tidy(key: string, home: Home): void {
    const isGone = home.problem !== undefined || (home.listeners && home.flows.size === 0);
    if (!home.isRetired || !isGone) return;
    this.#homes.delete(key);
    home.listeners?.stop();
  }
}
