/**
 * Dialogs of a gateway that is no more: whoever starts in its place ends them with BYE, so that no PBX
 * keeps a call nobody is in (R2). A way there is asked of the connection's trunk; what can't be
 * reached, or answers that it knows no such dialog, is over anyway.
 */
import type { Millis } from "../machine.ts";
import type { LegId } from "../media/protocol.ts";
import type { Flow } from "../sip/flow.ts";
import type { SipRequest } from "../sip/message.ts";
import type { Stack } from "../sip/stack.ts";
import type { Effect } from "./call-control.ts";
import { goodbyeOf, type StandingDialog } from "./standing.ts";
import type { Trunk } from "./trunk.ts";

export interface AbandonedOptions {
  readonly stack: Stack;
  readonly trunkOf: (connection: number) => Trunk | undefined;
}

export class Abandoned {
  readonly #options: AbandonedOptions;
  readonly #byKey = new Map<string, SipRequest>();
  #count = 0;

  constructor(options: AbandonedOptions) {
    this.#options = options;
  }

  get alive() {
    return { abandoned: this.#byKey.size };
  }

  /** Asks for a way to each. */
  end(dialogs: readonly StandingDialog[]): Effect[] {
    return dialogs.flatMap((dialog): Effect[] => {
      const trunk = this.#options.trunkOf(dialog.connection);
      const goodbye = goodbyeOf(dialog);
      if (!trunk || !goodbye) return [];
      this.#count += 1;
      const key = `abandoned-${this.#count}` as LegId;
      this.#byKey.set(key, goodbye);
      return [{ type: "reach", trunk, leg: key }];
    });
  }

  /** The way there; undefined where the key is no dialog's. Nobody waits for the answer. */
  reached(key: string, flow: Flow, now: Millis): Effect[] | undefined {
    const goodbye = this.#take(key);
    return goodbye && this.#options.stack.request(flow, goodbye, now).outputs;
  }

  unreached(key: string): Effect[] | undefined {
    return this.#take(key) && [];
  }

  #take(key: string): SipRequest | undefined {
    const goodbye = this.#byKey.get(key);
    this.#byKey.delete(key);
    return goodbye;
  }
}
