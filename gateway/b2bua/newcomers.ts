/**
 * Connections that have not said anything yet (S10): a whole message within seconds, or they are
 * closed. So neither idle connections nor ones that send an octet now and then can fill the house.
 */
import { Agenda } from "../agenda.ts";
import type { Millis } from "../machine.ts";
import type { Flow, FlowId } from "../sip/flow.ts";

/** A PBX speaks as soon as it connects; a softphone may ask its user first (E2 point 15). */
const STREAM_MS = 10_000;
const SOCKET_MS = 30_000;

export class Newcomers {
  readonly #agenda = new Agenda<FlowId>();

  get size(): number {
    return this.#agenda.size;
  }

  deadline(): Millis | undefined {
    return this.#agenda.next();
  }

  /** A peer connected. */
  arrived({ id, transport }: Flow, now: Millis): void {
    if (transport === "udp") return;
    const isSocket = transport === "ws" || transport === "wss";
    this.#agenda.set(id, now + (isSocket ? SOCKET_MS : STREAM_MS));
  }

  /** It said something that could be read, or it is gone. */
  settled(flow: FlowId): void {
    this.#agenda.set(flow, undefined);
  }

  /** Who had nothing to say. */
  takeDue(now: Millis): FlowId | undefined {
    return this.#agenda.takeDue(now);
  }
}
