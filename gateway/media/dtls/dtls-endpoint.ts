/**
 * One DTLS 1.2 association for DTLS-SRTP (RFC 6347, RFC 5764): datagrams in, datagrams and the SRTP
 * keys out. It sends flights and repeats them (§4.2.4), opens records, and hands messages to the
 * role that plays the handshake. Above it stands the webrtc leg, which feeds it only datagrams from
 * the address ICE has proved.
 *
 * Departure: the first repetition comes after 200 ms instead of one second (§4.2.4.1 allows it
 * for media): a call is being set up meanwhile.
 */
import { concat } from "../../bytes.ts";
import type { Millis } from "../../machine.ts";
import type { Random } from "../../random.ts";
import type { Fingerprint } from "../protocol.ts";
import { Alert, AlertLevel, refusal } from "./alert.ts";
import type { DtlsCertificate } from "./certificate.ts";
import { ClientFlights } from "./client-flights.ts";
import { type Failure, type FlightItem, Handshake, type Role, type Step } from "./handshake.ts";
import { HANDSHAKE_HEADER_BYTES, writeFragment } from "./handshake-message.ts";
import { type SrtpKeys, srtpKeys } from "./key-schedule.ts";
import { Reassembly } from "./reassembly.ts";
import {
  ContentType,
  type RawRecord,
  RECORD_HEADER_BYTES,
  RecordOpener,
  RecordWriter,
  readRecords,
  SEALED_OVERHEAD_BYTES,
} from "./record.ts";
import { ServerFlights } from "./server-flights.ts";

export interface DtlsOptions {
  role: "client" | "server";
  certificate: DtlsCertificate;
  /** The peer's certificate must have one of these. */
  fingerprints: readonly Fingerprint[];
  random: Random;
  /** The largest datagram sent, bytes; 1200 fits every path that carries WebRTC. */
  mtu?: number;
}

export type DtlsOutput =
  | { type: "send"; datagram: Uint8Array }
  /** `profile` is the use_srtp number. */
  | { type: "connected"; profile: number; keys: SrtpKeys }
  /** `detail` is a sentence for a person. */
  | { type: "failed"; reason: "fingerprint" | "dtls"; detail: string }
  /** The peer closed the association. */
  | { type: "closed" };

const MTU_BYTES = 1_200;
const RETRANSMIT_FIRST_MS = 200;
/**
 * A call is waiting: with small datagrams and 40 % lost a flight takes many tries to be whole. More
 * than GnuTLS's second: with whatever comes its own timer starts anew, and it would never repeat.
 */
const RETRANSMIT_MAX_MS = 1_200;
/**
 * A repeated message calls forth our flight only this long after its last sending. Without that
 * every doubled datagram would call forth a whole flight, and every piece of it another.
 */
const REPEAT_AFTER_MS = RETRANSMIT_FIRST_MS / 2;
const GIVE_UP_MS = 30_000;
/** Records of epoch 1 that came before the keys: a reordered Finished. */
const EARLY_RECORDS_MAX = 4;

export class DtlsEndpoint {
  readonly #options: DtlsOptions;
  readonly #handshake: Handshake;
  readonly #role: Role;
  readonly #reassembly = new Reassembly();
  readonly #writer = new RecordWriter();
  #opener: RecordOpener | undefined;
  #early: RawRecord[] = [];
  #flight: FlightItem[] = [];
  /** The epoch we write in: 1 once our ChangeCipherSpec is on its way (RFC 6347 §4.1). */
  #writeEpoch: 0 | 1 = 0;
  #state: "new" | "handshaking" | "connected" | "failed" | "closed" = "new";
  #retransmitAfter = RETRANSMIT_FIRST_MS;
  #retransmitAt: Millis | undefined;
  #giveUpAt: Millis = 0;
  #dropped = 0;
  #flightSentAt: Millis = 0;

  constructor(options: DtlsOptions) {
    this.#options = options;
    this.#handshake = new Handshake(options.role, options);
    this.#role =
      options.role === "client"
        ? new ClientFlights(this.#handshake)
        : new ServerFlights(this.#handshake);
  }

  get state(): "new" | "handshaking" | "connected" | "failed" | "closed" {
    return this.#state;
  }

  /** A server that no ClientHello reaches waits for nothing but the end of its patience. */
  deadline(): Millis | undefined {
    if (this.#state !== "handshaking") return undefined;
    return Math.min(this.#retransmitAt ?? this.#giveUpAt, this.#giveUpAt);
  }

  /** Datagrams that were no records, and records that were forged, replayed or of no epoch. */
  get dropped(): number {
    return this.#dropped;
  }

  /** A client sends its first flight; a server waits for one. Does nothing the second time. */
  start(now: Millis): DtlsOutput[] {
    if (this.#state !== "new") return [];
    this.#state = "handshaking";
    this.#giveUpAt = now + GIVE_UP_MS;
    return this.#step(this.#role.begin(), now);
  }

  receive(datagram: Uint8Array, now: Millis): DtlsOutput[] {
    if (this.#state === "failed" || this.#state === "closed") return [];
    const outputs = this.start(now);
    let isStale = false;
    const records = readRecords(datagram);
    if (records.length === 0) this.#dropped += 1;
    for (const record of records) {
      const taken = this.#record(record, now);
      outputs.push(...taken.outputs);
      isStale ||= taken.stale;
    }
    // The peer repeats what we have answered: our last flight was lost (§4.2.4).
    if (isStale && this.#mayRepeat(now)) outputs.push(...this.#sendFlight(now));
    return outputs;
  }

  timeout(now: Millis): DtlsOutput[] {
    if (this.#state !== "handshaking") return [];
    if (now >= this.#giveUpAt) {
      const did = this.#reassembly.next === 0 ? "take up" : "complete";
      const detail = `the other side did not ${did} the DTLS handshake within 30 seconds`;
      return this.#fail({ reason: "dtls", detail, alert: Alert.handshakeFailure });
    }
    if (this.#retransmitAt === undefined || now < this.#retransmitAt) return [];
    this.#retransmitAfter = Math.min(2 * this.#retransmitAfter, RETRANSMIT_MAX_MS);
    this.#retransmitAt = now + this.#retransmitAfter;
    return this.#sendFlight(now);
  }

  /** Says goodbye; what comes later is ignored. */
  close(_now: Millis): DtlsOutput[] {
    const wasConnected = this.#state === "connected";
    this.#state = "closed";
    return wasConnected ? [this.#alert(AlertLevel.warning, Alert.closeNotify)] : [];
  }

  #record(record: RawRecord, now: Millis): { outputs: DtlsOutput[]; stale: boolean } {
    const nothing = { outputs: [], stale: false };
    if (record.epoch > 1) {
      this.#dropped += 1;
      return nothing;
    }
    if (record.epoch === 1 && !this.#opener) {
      if (this.#early.length < EARLY_RECORDS_MAX) {
        this.#early.push({ ...record, fragment: record.fragment.slice() });
      }
      return nothing;
    }
    const content = record.epoch === 0 ? record.fragment : this.#opener?.open(record);
    if (!content) {
      this.#dropped += 1;
      return nothing;
    }
    if (record.type === ContentType.alert)
      return { outputs: this.#receiveAlert(record.epoch, content), stale: false };
    if (record.type !== ContentType.handshake) return nothing;
    // Once the keys are on, plaintext may only be a repetition: it can start nothing new.
    if (this.#state === "connected" && record.epoch === 0) {
      return { outputs: [], stale: this.#reassembly.add(content, 0).stale };
    }
    return this.#handshakeContent(content, record.epoch, now);
  }

  #handshakeContent(
    content: Uint8Array,
    epoch: number,
    now: Millis,
  ): { outputs: DtlsOutput[]; stale: boolean } {
    const { messages, stale } = this.#reassembly.add(content, epoch);
    const outputs: DtlsOutput[] = [];
    for (const message of messages) {
      // Renegotiation is never begun and never answered.
      if (this.#state !== "handshaking") break;
      outputs.push(...this.#step(this.#role.receive(message), now));
    }
    outputs.push(...this.#openEarly(now));
    return { outputs, stale: stale && messages.length === 0 };
  }

  /** Opens what came before the keys; only now, so that the messages it came with stay ahead. */
  #openEarly(now: Millis): DtlsOutput[] {
    if (!this.#opener) return [];
    const early = this.#early;
    this.#early = [];
    return early.flatMap((record) => this.#record(record, now).outputs);
  }

  #step(step: Step, now: Millis): DtlsOutput[] {
    if (step.failure) return this.#fail(step.failure);
    this.#useKeys();
    const outputs: DtlsOutput[] = [];
    if (step.flight) {
      this.#flight = step.flight;
      if (step.flight.some(({ kind }) => kind === "changeCipherSpec")) this.#writeEpoch = 1;
      this.#retransmitAfter = RETRANSMIT_FIRST_MS;
      this.#retransmitAt = now + this.#retransmitAfter;
      outputs.push(...this.#sendFlight(now));
    }
    if (step.finished) {
      this.#state = "connected";
      outputs.push(this.#connected());
    }
    return outputs;
  }

  /** Turns the keys on as soon as they are agreed on. */
  #useKeys(): void {
    const { keys } = this.#handshake;
    if (!keys || this.#opener) return;
    this.#writer.useKeys(keys.local);
    this.#opener = new RecordOpener(keys.remote);
  }

  #connected(): DtlsOutput {
    const { suite, master, randoms, srtpProfile } = this.#handshake;
    if (!suite) throw new Error("connected without a cipher suite");
    const keys = srtpKeys(suite, master, randoms, srtpProfile, this.#options.role);
    return { type: "connected", profile: srtpProfile, keys };
  }

  /** After the end only the server's last flight can be missed (RFC 6347 §4.2.4). */
  #mayRepeat(now: Millis): boolean {
    if (this.#flight.length === 0 || now < this.#flightSentAt + REPEAT_AFTER_MS) return false;
    return (
      this.#state === "handshaking" ||
      (this.#state === "connected" && this.#options.role === "server")
    );
  }

  /** The flight in as few datagrams as the MTU allows; each time with new record numbers. */
  #sendFlight(now: Millis): DtlsOutput[] {
    this.#flightSentAt = now;
    const mtu = this.#options.mtu ?? MTU_BYTES;
    const datagrams: Uint8Array[][] = [[]];
    let size = 0;
    for (const record of this.#flight.flatMap((item) => this.#records(item, mtu))) {
      if (size > 0 && size + record.length > mtu) {
        datagrams.push([]);
        size = 0;
      }
      datagrams.at(-1)?.push(record);
      size += record.length;
    }
    return datagrams.map((records) => ({ type: "send", datagram: concat(...records) }));
  }

  #records(item: FlightItem, mtu: number): Uint8Array[] {
    if (item.kind === "changeCipherSpec") {
      return [this.#writer.write(ContentType.changeCipherSpec, 0, Uint8Array.of(1))];
    }
    const { type, sequence, body, epoch } = item;
    const overhead = RECORD_HEADER_BYTES + HANDSHAKE_HEADER_BYTES + SEALED_OVERHEAD_BYTES;
    const room = Math.max(1, mtu - overhead);
    const records: Uint8Array[] = [];
    let offset = 0;
    do {
      const length = Math.min(room, body.length - offset);
      const fragment = writeFragment(type, sequence, body, offset, length);
      records.push(this.#writer.write(ContentType.handshake, epoch, fragment));
      offset += length;
    } while (offset < body.length);
    return records;
  }

  /**
   * Plaintext alerts count only during the handshake: later anybody could have written them. A
   * goodbye before the end is a refusal too: nothing will follow it.
   */
  #receiveAlert(epoch: number, content: Uint8Array): DtlsOutput[] {
    const [level, description] = content;
    if (description === undefined || (epoch === 0 && this.#state === "connected")) return [];
    if (level !== AlertLevel.fatal && description !== Alert.closeNotify) return [];
    if (this.#state === "connected") {
      this.#state = "closed";
      return [{ type: "closed" }];
    }
    this.#state = "failed";
    return [{ type: "failed", reason: "dtls", detail: refusal(description) }];
  }

  #fail({ reason, detail, alert }: Failure): DtlsOutput[] {
    this.#state = "failed";
    return [this.#alert(AlertLevel.fatal, alert), { type: "failed", reason, detail }];
  }

  #alert(level: number, description: number): DtlsOutput {
    const content = Uint8Array.of(level, description);
    const datagram = this.#writer.write(ContentType.alert, this.#writeEpoch, content);
    return { type: "send", datagram };
  }
}
