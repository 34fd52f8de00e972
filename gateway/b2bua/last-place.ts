/**
 * Where a PBX last answered, beside where its name leads now (TST-04): who went away and who moved
 * look alike from here, and a person wants to know which. Above: registration.ts, reachability.ts.
 */
import type { Connection } from "../../schema/config.ts";
import { parseAddress } from "../address.ts";
import type { Flow } from "../sip/flow.ts";
import { printHostPort } from "../sip/grammar.ts";

export class LastPlace {
  readonly #host: string;
  /** `address:port`, each. */
  #asked: string | undefined;
  #answered: string | undefined;

  constructor(connection: Connection) {
    this.#host = (connection.outboundProxy ?? connection).host;
  }

  /** A request goes out over this flow. */
  asked({ remote: { address, port } }: Flow): void {
    this.#asked = printHostPort({ host: address, port });
  }

  /** The request that went out last was answered. */
  answered(): void {
    this.#answered = this.#asked;
  }

  /** A sentence about silence, with what is known of the way there. */
  explained(reason: string): string {
    const [before, now] = [this.#answered, this.#asked];
    if (before === undefined || now === before) return reason;
    // An address leads to itself: another one is a further host's.
    if (parseAddress(this.#host)) return reason;
    return `${reason}; it last answered at ${before}, and ${this.#host} leads to ${now} now`;
  }
}
