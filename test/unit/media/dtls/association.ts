/**
 * Two DTLS endpoints and the network between them, in virtual time: seeded loss, duplication and
 * reordering, and a hook for whoever sits in the middle.
 */
import {
  createCertificate,
  type DtlsCertificate,
} from "../../../../gateway/media/dtls/certificate.ts";
import {
  DtlsEndpoint,
  type DtlsOptions,
  type DtlsOutput,
} from "../../../../gateway/media/dtls/dtls-endpoint.ts";
import { seededChance } from "../chance.ts";
import { seededRandom } from "../seeded-random.ts";

export type Side = "client" | "server";

/** What the network does to datagrams: shares of one, and milliseconds. */
export interface Network {
  loss: number;
  duplication: number;
  delayMaxMs: number;
}

const PERFECT: Network = { loss: 0, duplication: 0, delayMaxMs: 0 };

/** Two certificates for a whole file: making them costs more than a handshake. */
export const clientCertificate: DtlsCertificate = createCertificate(seededRandom(1));
export const serverCertificate: DtlsCertificate = createCertificate(seededRandom(2));

interface Flying {
  to: Side;
  datagram: Uint8Array;
  at: number;
}

export class Association {
  readonly client: DtlsEndpoint;
  readonly server: DtlsEndpoint;
  readonly outputs: Record<Side, DtlsOutput[]> = { client: [], server: [] };
  /** Every datagram sent, before the network got hold of it. */
  readonly sent: { from: Side; datagram: Uint8Array }[] = [];
  now = 0;
  /** May change what flies, or drop it by returning nothing. */
  tamper: (datagram: Uint8Array, from: Side) => Uint8Array | undefined = (datagram) => datagram;
  readonly #chance: () => number;
  readonly #network: Network;
  #flying: Flying[] = [];

  constructor(
    seed = 1,
    changes: Partial<Record<Side, Partial<DtlsOptions>>> = {},
    network: Network = PERFECT,
  ) {
    this.#chance = seededChance(seed);
    this.#network = network;
    this.client = new DtlsEndpoint({
      role: "client",
      certificate: clientCertificate,
      fingerprints: [serverCertificate.fingerprint],
      random: seededRandom(seed + 1_000),
      ...changes.client,
    });
    this.server = new DtlsEndpoint({
      role: "server",
      certificate: serverCertificate,
      fingerprints: [clientCertificate.fingerprint],
      random: seededRandom(seed + 2_000),
      ...changes.server,
    });
  }

  /** Starts the client and runs until nothing flies and no timer is left. */
  run(untilMs = 60_000): this {
    this.take("server", this.server.start(this.now));
    this.take("client", this.client.start(this.now));
    return this.settle(untilMs);
  }

  settle(untilMs = 60_000): this {
    for (;;) {
      const next = Math.min(
        ...this.#flying.map(({ at }) => at),
        this.client.deadline() ?? Infinity,
        this.server.deadline() ?? Infinity,
      );
      if (next > untilMs) return this;
      this.now = Math.max(this.now, next);
      const arrived = this.#flying.filter(({ at }) => at <= this.now);
      this.#flying = this.#flying.filter(({ at }) => at > this.now);
      for (const { to, datagram } of arrived) this.deliver(to, datagram);
      this.take("client", this.client.timeout(this.now));
      this.take("server", this.server.timeout(this.now));
    }
  }

  /** Hands a datagram to one side now, as if it had come over the network. */
  deliver(to: Side, datagram: Uint8Array): DtlsOutput[] {
    const outputs = this[to].receive(datagram, this.now);
    this.take(to, outputs);
    return outputs;
  }

  take(from: Side, outputs: readonly DtlsOutput[]): void {
    const to = from === "client" ? "server" : "client";
    for (const output of outputs) {
      this.outputs[from].push(output);
      if (output.type !== "send") continue;
      this.sent.push({ from, datagram: output.datagram });
      const datagram = this.tamper(output.datagram, from);
      if (datagram) this.#fly(to, datagram);
    }
  }

  /** The outputs of one kind on one side. */
  all<Type extends DtlsOutput["type"]>(
    side: Side,
    type: Type,
  ): Extract<DtlsOutput, { type: Type }>[] {
    return this.outputs[side].filter(
      (output): output is Extract<DtlsOutput, { type: Type }> => output.type === type,
    );
  }

  #fly(to: Side, datagram: Uint8Array): void {
    const { loss, duplication, delayMaxMs } = this.#network;
    const copies = this.#chance() < duplication ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.#chance() < loss) continue;
      const at = this.now + Math.floor(this.#chance() * (delayMaxMs + 1));
      this.#flying.push({ to, datagram: datagram.slice(), at });
    }
  }
}
