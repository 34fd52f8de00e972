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
  #asked: Flow | undefined;
  #answered: string | undefined;

  constructor(connection: Connection) {
    this.#host = (connection.outboundProxy ?? connection).host;
  }

  /** A request goes out over this flow. */
  asked(flow: Flow): void {
    this.#asked = flow;
  }

  /** The request that went out last was answered. */
  answered(): void {
    if (this.#asked) this.#answered = placeOf(this.#asked);
  }

  /** A sentence about silence, with what is known of the way there. */
  explained(reason: string): string {
    const now = this.#asked && placeOf(this.#asked);
    if (now === undefined || this.#answered === undefined || now === this.#answered) return reason;
    // An address in the configuration leads nowhere else: then it was another connection's end.
    if (parseAddress(this.#host)) return reason;
    return `${reason}; it last answered at ${this.#answered}, and ${this.#host} leads to ${now} now`;
  }
}

/** The port tells nothing of an outgoing stream's far end that the address doesn't. */
function placeOf({ remote: { address, port } }: Flow): string {
  return printHostPort({ host: address, port });
}
