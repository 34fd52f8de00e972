/**
 * What both roles keep during a handshake: the transcript, what was agreed on, the keys, and the
 * flight on its way (RFC 6347 §4.2.4). The roles themselves are `client-flights` and
 * `server-flights`; the endpoint above sends, repeats and opens records.
 */
import { concat, EMPTY, equalBytes } from "../../bytes.ts";
import {
  type EphemeralKey,
  equalSecret,
  hash,
  signSha256,
  verifyWithCertificate,
} from "../../crypto.ts";
import type { Random } from "../../random.ts";
import type { Fingerprint } from "../protocol.ts";
import { Alert } from "./alert.ts";
import { type DtlsCertificate, fingerprintOf } from "./certificate.ts";
import { type CipherSuite, OWN_SIGNATURE, SIGNATURE_ALGORITHMS } from "./cipher-suites.ts";
import { HandshakeType, writeFragment, writeSigned } from "./handshake-message.ts";
import { type DirectionKeys, masterSecret, recordKeys, verifyData } from "./key-schedule.ts";
import type { HandshakeMessage } from "./reassembly.ts";

/** What one flight is made of; it is sent and repeated as a whole. */
export type FlightItem =
  | { kind: "handshake"; epoch: 0 | 1; type: number; sequence: number; body: Uint8Array }
  | { kind: "changeCipherSpec" };

export interface Failure {
  reason: "fingerprint" | "dtls";
  detail: string;
  /** RFC 5246 §7.2.2. */
  alert: number;
}

/** What a message led to: nothing yet, a flight to send, the end, or both. */
export interface Step {
  flight?: FlightItem[];
  finished?: boolean;
  failure?: Failure;
}

export interface HandshakeOptions {
  certificate: DtlsCertificate;
  fingerprints: readonly Fingerprint[];
  random: Random;
}

/** One side of the handshake: takes messages in order. */
export interface Role {
  begin(): Step;
  receive(message: HandshakeMessage): Step;
}

export class Handshake {
  readonly #options: HandshakeOptions;
  readonly #role: "client" | "server";
  #transcript: Uint8Array[] = [];
  #sendSequence = 0;
  #flight: FlightItem[] = [];
  #master: Uint8Array = EMPTY;
  #peerCertificate: Uint8Array = EMPTY;
  readonly localRandom: Uint8Array;
  remoteRandom: Uint8Array = EMPTY;
  suite: CipherSuite | undefined;
  srtpProfile = 0;
  usesExtendedMasterSecret = false;
  ephemeral: EphemeralKey | undefined;
  /** Record keys, once the secret is agreed on. */
  keys: { local: DirectionKeys; remote: DirectionKeys } | undefined;

  constructor(role: "client" | "server", options: HandshakeOptions) {
    this.#role = role;
    this.#options = options;
    this.localRandom = options.random.bytes(32);
  }

  get certificate(): DtlsCertificate {
    return this.#options.certificate;
  }

  get master(): Uint8Array {
    return this.#master;
  }

  get randoms(): { client: Uint8Array; server: Uint8Array } {
    return this.#role === "client"
      ? { client: this.localRandom, server: this.remoteRandom }
      : { client: this.remoteRandom, server: this.localRandom };
  }

  /** RFC 6347 §4.2.1: what came before the cookie takes no part. */
  restartTranscript(): void {
    this.#transcript = [];
  }

  /** Puts a message of ours into the transcript and the flight. */
  send(type: number, body: Uint8Array, epoch: 0 | 1 = 0): void {
    const sequence = this.#sendSequence;
    this.#sendSequence += 1;
    this.#transcript.push(writeFragment(type, sequence, body, 0, body.length));
    this.#flight.push({ kind: "handshake", epoch, type, sequence, body });
  }

  /** Puts a message of the peer's into the transcript. */
  note({ type, sequence, body }: HandshakeMessage): void {
    this.#transcript.push(writeFragment(type, sequence, body, 0, body.length));
  }

  takeFlight(): FlightItem[] {
    const flight = this.#flight;
    this.#flight = [];
    return flight;
  }

  /** RFC 8122 §6: the certificate must be one the SDP named. */
  acceptCertificate(certificate: Uint8Array | undefined): Failure | undefined {
    if (!certificate) return failure(Alert.badCertificate, "the other side sent no certificate");
    const { fingerprints } = this.#options;
    const matches = fingerprints.some(({ algorithm, value }) =>
      equalSecret(fingerprintOf(certificate, algorithm).value, value.toUpperCase()),
    );
    this.#peerCertificate = certificate;
    if (matches) return undefined;
    const detail = "the certificate of the other side isn't the one its session description named";
    return { reason: "fingerprint", detail, alert: Alert.badCertificate };
  }

  /** Checks a signature with the key of the peer's certificate. */
  verify(algorithmId: number, data: Uint8Array, signature: Uint8Array): boolean {
    const algorithm = SIGNATURE_ALGORITHMS.find(({ id }) => id === algorithmId);
    if (!algorithm) return false;
    const { scheme, hash: hashName } = algorithm;
    return verifyWithCertificate(this.#peerCertificate, scheme, hashName, data, signature);
  }

  /** A signature of ours, as ServerKeyExchange and CertificateVerify carry it. */
  sign(data: Uint8Array): Uint8Array {
    return writeSigned(OWN_SIGNATURE, signSha256(this.certificate.privateKey, data));
  }

  /** Everything said so far. */
  transcript(): Uint8Array {
    return concat(...this.#transcript);
  }

  /** Derives master secret and record keys; false where the peer's public key is none. */
  agree(peerPublicKey: Uint8Array): boolean {
    const premaster = this.ephemeral?.agree(peerPublicKey);
    if (!premaster || !this.suite) return false;
    const sessionHash = this.usesExtendedMasterSecret
      ? hash(this.suite.hash, this.transcript())
      : undefined;
    this.#master = masterSecret(this.suite, premaster, this.randoms, sessionHash);
    const { client, server } = recordKeys(this.suite, this.#master, this.randoms);
    this.keys =
      this.#role === "client"
        ? { local: client, remote: server }
        : { local: server, remote: client };
    return true;
  }

  /** ChangeCipherSpec and Finished, the end of either side's last flight. */
  sendFinished(): void {
    this.#flight.push({ kind: "changeCipherSpec" });
    this.send(HandshakeType.finished, this.#verifyData(this.#role), 1);
  }

  /** RFC 5246 §7.4.9. */
  acceptFinished(message: HandshakeMessage): Failure | undefined {
    const peer = this.#role === "client" ? "server" : "client";
    const expected = this.#verifyData(peer);
    if (!equalBytes(expected, message.body)) {
      return failure(Alert.decryptError, "the other side's Finished doesn't match the handshake");
    }
    this.note(message);
    return undefined;
  }

  #verifyData(sender: "client" | "server"): Uint8Array {
    if (!this.suite) throw new Error("Finished needs a cipher suite");
    return verifyData(this.suite, this.#master, sender, this.transcript());
  }
}

export function failure(alert: number, detail: string): Failure {
  return { reason: "dtls", detail, alert };
}

export const unexpected: Step = {
  failure: failure(Alert.unexpectedMessage, "a handshake message came out of turn"),
};

export const wrongVersion: Step = {
  failure: failure(Alert.protocolVersion, "the other side does not speak DTLS 1.2"),
};

export const malformed: Step = {
  failure: failure(Alert.decodeError, "a handshake message is malformed"),
};
