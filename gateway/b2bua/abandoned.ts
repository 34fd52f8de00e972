/**
 * Dialogs of a gateway that is no more: whoever starts in its place ends them with BYE, so that no PBX
 * keeps a call nobody is in (R2). A way there is asked of the connection's trunk; a PBX that registers
 * here is told when it does. What can't be reached, or answers that it knows no such dialog, is over
 * anyway.
 */
import type { ConnectionId } from "../../schema/config.ts";
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

interface Left {
  readonly connection: ConnectionId;
  readonly goodbye: SipRequest;
}

export class Abandoned {
  readonly #options: AbandonedOptions;
  /** On their way, by the key a way was asked under. */
  readonly #byKey = new Map<string, Left>();
  /** Of PBXs that register here and haven't yet. */
  readonly #waiting = new Map<ConnectionId, Left[]>();
  #count = 0;

  constructor(options: AbandonedOptions) {
    this.#options = options;
  }

  get alive() {
    return { abandoned: this.#byKey.size };
  }

  /** Asks for a way to each. */
  end(dialogs: readonly StandingDialog[]): Effect[] {
    return dialogs.flatMap((dialog) => {
      const goodbye = goodbyeOf(dialog);
      return goodbye ? this.#reach({ connection: dialog.connection, goodbye }) : [];
    });
  }

  /** The way there; undefined where the key is no dialog's. Nobody waits for the answer. */
  reached(key: string, flow: Flow, now: Millis): Effect[] | undefined {
    const left = this.#take(key);
    return left && this.#options.stack.request(flow, left.goodbye, now).outputs;
  }

  unreached(key: string): Effect[] | undefined {
    const left = this.#take(key);
    if (!left) return undefined;
    const trunk = this.#options.trunkOf(left.connection);
    if (trunk?.connection.type === "inbound-registration") {
      const waiting = this.#waiting.get(left.connection) ?? [];
      this.#waiting.set(left.connection, [...waiting, left]);
    }
    return [];
  }

  /** The connection's PBX has registered here. */
  returned(connection: ConnectionId): Effect[] {
    const waiting = this.#waiting.get(connection) ?? [];
    this.#waiting.delete(connection);
    return waiting.flatMap((left) => this.#reach(left));
  }

  #reach(left: Left): Effect[] {
    const trunk = this.#options.trunkOf(left.connection);
    if (!trunk) return [];
    this.#count += 1;
    const key = `abandoned-${this.#count}` as LegId;
    this.#byKey.set(key, left);
    return [{ type: "reach", trunk, leg: key }];
  }

  #take(key: string): Left | undefined {
    const left = this.#byKey.get(key);
    this.#byKey.delete(key);
    return left;
  }
}
