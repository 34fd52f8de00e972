/**
 * A peer that plays a role by the book but for what a test has it change: each message of its
 * flights goes through `alter` after it has entered the transcript. It has the keys, so that it can
 * also say wrong things in epoch 1. No timers, no loss.
 */

import { ClientFlights } from "../../../../gateway/media/dtls/client-flights.ts";
import { type FlightItem, Handshake, type Step } from "../../../../gateway/media/dtls/handshake.ts";
import { writeFragment } from "../../../../gateway/media/dtls/handshake-message.ts";
import { Reassembly } from "../../../../gateway/media/dtls/reassembly.ts";
import {
  ContentType,
  RecordOpener,
  RecordWriter,
  readRecords,
} from "../../../../gateway/media/dtls/record.ts";
import { ServerFlights } from "../../../../gateway/media/dtls/server-flights.ts";
import { seededRandom } from "../seeded-random.ts";
import { clientCertificate, type Side, serverCertificate } from "./association.ts";

export type HandshakeItem = Extract<FlightItem, { kind: "handshake" }>;

export class ScriptedPeer {
  readonly handshake: Handshake;
  readonly writer = new RecordWriter();
  /** The content types and contents of the alerts heard, and whether the handshake is done. */
  readonly alerts: Uint8Array[] = [];
  isFinished = false;
  readonly #role: ClientFlights | ServerFlights;
  readonly #reassembly = new Reassembly();
  readonly #alter: (item: HandshakeItem) => HandshakeItem | undefined;
  #opener: RecordOpener | undefined;

  /** `alter` gives the item to send instead, or nothing for a message to be left out. */
  constructor(
    side: Side,
    alter: (item: HandshakeItem) => HandshakeItem | undefined = (item) => item,
    certificate = side === "client" ? clientCertificate : serverCertificate,
  ) {
    const other = side === "client" ? serverCertificate : clientCertificate;
    this.handshake = new Handshake(side, {
      certificate,
      fingerprints: [other.fingerprint],
      random: seededRandom(7),
    });
    this.#role =
      side === "client" ? new ClientFlights(this.handshake) : new ServerFlights(this.handshake);
    this.#alter = alter;
  }

  start(): Uint8Array[] {
    return this.#send(this.#role.begin());
  }

  receive(datagram: Uint8Array): Uint8Array[] {
    return readRecords(datagram).flatMap((record) => {
      const content = record.epoch === 0 ? record.fragment : this.#opener?.open(record);
      if (content && record.type === ContentType.alert) this.alerts.push(content);
      if (!content || record.type !== ContentType.handshake) return [];
      const { messages } = this.#reassembly.add(content, record.epoch);
      return messages.flatMap((message) => this.#send(this.#role.receive(message)));
    });
  }

  #send(step: Step): Uint8Array[] {
    const { keys } = this.handshake;
    if (keys && !this.#opener) {
      this.writer.useKeys(keys.local);
      this.#opener = new RecordOpener(keys.remote);
    }
    if (step.finished) this.isFinished = true;
    return (step.flight ?? []).flatMap((item) => {
      if (item.kind === "changeCipherSpec") {
        return [this.writer.write(ContentType.changeCipherSpec, 0, Uint8Array.of(1))];
      }
      const altered = this.#alter(item);
      if (!altered) return [];
      const { type, sequence, body, epoch } = altered;
      const fragment = writeFragment(type, sequence, body, 0, body.length);
      return [this.writer.write(ContentType.handshake, epoch, fragment)];
    });
  }
}
