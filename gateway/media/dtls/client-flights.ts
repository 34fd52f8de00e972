/**
 * The client's side of RFC 6347 Figure 1:
 *
 *   ClientHello ────────────────────────────────────────────►        flight 1
 *       ◄── HelloVerifyRequest (where the server wants one)          flight 2
 *   ClientHello with its cookie ────────────────────────────►        flight 3
 *       ◄── ServerHello, Certificate, ServerKeyExchange,
 *           [CertificateRequest], ServerHelloDone                    flight 4
 *   [Certificate], ClientKeyExchange, [CertificateVerify],
 *   [ChangeCipherSpec], Finished ───────────────────────────►        flight 5
 *       ◄── [ChangeCipherSpec], Finished                             flight 6
 */
import { concat, EMPTY } from "../../bytes.ts";
import { generateEphemeralKey } from "../../crypto.ts";
import { SRTP_PROFILES } from "../srtp/profiles.ts";
import { Alert } from "./alert.ts";
import { CIPHER_SUITES, CURVES, OWN_SIGNATURE, SIGNATURE_ALGORITHMS } from "./cipher-suites.ts";
import {
  failure,
  type Handshake,
  malformed,
  type Role,
  type Step,
  unexpected,
  wrongVersion,
} from "./handshake.ts";
import {
  DTLS_1_2,
  HandshakeType,
  readCertificate,
  readCertificateRequest,
  readHelloVerifyRequest,
  readServerHello,
  readServerKeyExchange,
  writeCertificate,
  writeClientHello,
} from "./handshake-message.ts";
import type { HandshakeMessage } from "./reassembly.ts";
import { vector } from "./wire.ts";

type Awaiting = "hello" | "certificate" | "keyExchange" | "done" | "finished" | "nothing";

export class ClientFlights implements Role {
  readonly #handshake: Handshake;
  #awaiting: Awaiting = "hello";
  #hasCookie = false;
  #certificateWanted = false;
  #serverPublicKey: Uint8Array = EMPTY;

  constructor(handshake: Handshake) {
    this.#handshake = handshake;
  }

  begin(): Step {
    return this.#sendHello(EMPTY);
  }

  receive(message: HandshakeMessage): Step {
    switch (this.#awaiting) {
      case "hello":
        if (message.type === HandshakeType.helloVerifyRequest) return this.#verifyRequest(message);
        return message.type === HandshakeType.serverHello ? this.#hello(message) : unexpected;
      case "certificate":
        return message.type === HandshakeType.certificate ? this.#certificate(message) : unexpected;
      case "keyExchange":
        return message.type === HandshakeType.serverKeyExchange
          ? this.#keyExchange(message)
          : unexpected;
      case "done":
        if (message.type === HandshakeType.certificateRequest) return this.#request(message);
        return message.type === HandshakeType.serverHelloDone ? this.#done(message) : unexpected;
      case "finished":
        return message.type === HandshakeType.finished ? this.#finished(message) : unexpected;
      case "nothing":
        return unexpected;
    }
  }

  #sendHello(cookie: Uint8Array): Step {
    const handshake = this.#handshake;
    const hello = writeClientHello(handshake.localRandom, cookie, {
      suites: CIPHER_SUITES.map(({ id }) => id),
      groups: CURVES.map(({ id }) => id),
      signatures: SIGNATURE_ALGORITHMS.map(({ id }) => id),
      srtpProfiles: SRTP_PROFILES.map(({ id }) => id),
    });
    handshake.send(HandshakeType.clientHello, hello);
    return { flight: handshake.takeFlight() };
  }

  #verifyRequest(message: HandshakeMessage): Step {
    const cookie = readHelloVerifyRequest(message.body);
    if (!cookie || this.#hasCookie) return malformed;
    this.#hasCookie = true;
    this.#handshake.restartTranscript();
    return this.#sendHello(cookie);
  }

  #hello(message: HandshakeMessage): Step {
    const handshake = this.#handshake;
    const hello = readServerHello(message.body);
    if (!hello) return malformed;
    if (hello.version !== DTLS_1_2) return wrongVersion;
    const suite = CIPHER_SUITES.find(({ id }) => id === hello.suites[0]);
    const profile = SRTP_PROFILES.find(({ id }) => id === hello.srtpProfiles[0]);
    if (!suite)
      return {
        failure: failure(Alert.illegalParameter, "the server chose a cipher we never offered"),
      };
    if (!profile || hello.srtpProfiles.length !== 1) {
      return {
        failure: failure(Alert.handshakeFailure, "the other side agreed on no SRTP profile"),
      };
    }
    handshake.note(message);
    handshake.suite = suite;
    handshake.srtpProfile = profile.id;
    handshake.remoteRandom = hello.random;
    handshake.usesExtendedMasterSecret = hello.extendedMasterSecret;
    this.#awaiting = "certificate";
    return {};
  }

  #certificate(message: HandshakeMessage): Step {
    const refused = this.#handshake.acceptCertificate(readCertificate(message.body));
    if (refused) return { failure: refused };
    this.#handshake.note(message);
    this.#awaiting = "keyExchange";
    return {};
  }

  #keyExchange(message: HandshakeMessage): Step {
    const handshake = this.#handshake;
    const exchange = readServerKeyExchange(message.body);
    const curve = CURVES.find(({ id }) => id === exchange?.group);
    if (!exchange || !curve) return malformed;
    const { client, server } = handshake.randoms;
    const signed = concat(client, server, exchange.parameters);
    if (!handshake.verify(exchange.algorithm, signed, exchange.signature)) {
      const detail = "the server's key exchange isn't signed by its certificate";
      return { failure: failure(Alert.decryptError, detail) };
    }
    handshake.note(message);
    handshake.ephemeral = generateEphemeralKey(curve.name);
    this.#serverPublicKey = exchange.publicKey;
    this.#awaiting = "done";
    return {};
  }

  #request(message: HandshakeMessage): Step {
    const signatures = readCertificateRequest(message.body);
    if (!signatures || this.#certificateWanted) return malformed;
    if (!signatures.includes(OWN_SIGNATURE)) {
      return { failure: failure(Alert.handshakeFailure, "the server can't check our signature") };
    }
    this.#handshake.note(message);
    this.#certificateWanted = true;
    return {};
  }

  #done(message: HandshakeMessage): Step {
    const handshake = this.#handshake;
    handshake.note(message);
    const { ephemeral, certificate } = handshake;
    if (!ephemeral) throw new Error("the key exchange was skipped");
    if (this.#certificateWanted) {
      handshake.send(HandshakeType.certificate, writeCertificate(certificate.der));
    }
    handshake.send(HandshakeType.clientKeyExchange, vector(1, ephemeral.publicBytes));
    if (!handshake.agree(this.#serverPublicKey)) {
      return { failure: failure(Alert.illegalParameter, "the other side's public key is invalid") };
    }
    if (this.#certificateWanted) {
      handshake.send(HandshakeType.certificateVerify, handshake.sign(handshake.transcript()));
    }
    handshake.sendFinished();
    this.#awaiting = "finished";
    return { flight: handshake.takeFlight() };
  }

  #finished(message: HandshakeMessage): Step {
    const refused = this.#handshake.acceptFinished(message);
    if (refused) return { failure: refused };
    this.#awaiting = "nothing";
    return { finished: true };
  }
}
