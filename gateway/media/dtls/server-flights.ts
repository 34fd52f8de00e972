/**
 * The server's side of RFC 6347 Figure 1, with the client's certificate required:
 *
 *   ClientHello ────────────────────────────────────────────►        flight 1
 *       ◄── ServerHello, Certificate, ServerKeyExchange,
 *           CertificateRequest, ServerHelloDone                      flight 4
 *   Certificate, ClientKeyExchange, CertificateVerify,
 *   [ChangeCipherSpec], Finished ───────────────────────────►        flight 5
 *       ◄── [ChangeCipherSpec], Finished                             flight 6
 *
 * No cookie is asked for (flights 2 and 3): datagrams get here only from an address that an
 * authenticated STUN check has proved, which is all a cookie would tell.
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
  readCertificateVerify,
  readClientHello,
  readClientKeyExchange,
  writeCertificate,
  writeCertificateRequest,
  writeKeyParameters,
  writeServerHello,
} from "./handshake-message.ts";
import type { HandshakeMessage } from "./reassembly.ts";

type Awaiting = "hello" | "certificate" | "keyExchange" | "verify" | "finished" | "nothing";

export class ServerFlights implements Role {
  readonly #handshake: Handshake;
  #awaiting: Awaiting = "hello";

  constructor(handshake: Handshake) {
    this.#handshake = handshake;
  }

  begin(): Step {
    return {};
  }

  receive(message: HandshakeMessage): Step {
    const { type } = message;
    if (this.#awaiting === "hello" && type === HandshakeType.clientHello)
      return this.#hello(message);
    if (this.#awaiting === "certificate" && type === HandshakeType.certificate) {
      return this.#certificate(message);
    }
    if (this.#awaiting === "keyExchange" && type === HandshakeType.clientKeyExchange) {
      return this.#keyExchange(message);
    }
    if (this.#awaiting === "verify" && type === HandshakeType.certificateVerify) {
      return this.#verify(message);
    }
    if (this.#awaiting === "finished" && type === HandshakeType.finished)
      return this.#finished(message);
    return unexpected;
  }

  #hello(message: HandshakeMessage): Step {
    const handshake = this.#handshake;
    const hello = readClientHello(message.body);
    if (!hello) return malformed;
    if (hello.version > DTLS_1_2) return wrongVersion;
    const suite = CIPHER_SUITES.find(
      ({ id, signs }) => signs === "ecdsa" && hello.suites.includes(id),
    );
    const curve = CURVES.find(({ id }) => hello.groups.includes(id));
    const profile = SRTP_PROFILES.find(({ id }) => hello.srtpProfiles.includes(id));
    if (!profile) {
      return {
        failure: failure(
          Alert.handshakeFailure,
          "the other side offers no SRTP profile known here",
        ),
      };
    }
    if (!suite || !curve || !hello.signatures.includes(OWN_SIGNATURE)) {
      return {
        failure: failure(Alert.handshakeFailure, "the other side offers no cipher known here"),
      };
    }
    handshake.note(message);
    handshake.suite = suite;
    handshake.srtpProfile = profile.id;
    handshake.remoteRandom = hello.random;
    handshake.usesExtendedMasterSecret = hello.extendedMasterSecret;
    handshake.ephemeral = generateEphemeralKey(curve.name);
    this.#sendFlight4(curve.id, handshake.ephemeral.publicBytes, hello);
    this.#awaiting = "certificate";
    return { flight: handshake.takeFlight() };
  }

  #sendFlight4(
    curve: number,
    publicKey: Uint8Array,
    hello: { extendedMasterSecret: boolean; secureRenegotiation: boolean },
  ): void {
    const handshake = this.#handshake;
    const { localRandom, suite, srtpProfile, certificate } = handshake;
    if (!suite) throw new Error("flight 4 needs a cipher suite");
    const parameters = writeKeyParameters(curve, publicKey);
    const { client, server } = handshake.randoms;
    const signed = handshake.sign(concat(client, server, parameters));
    const accepted = SIGNATURE_ALGORITHMS.map(({ id }) => id);
    handshake.send(
      HandshakeType.serverHello,
      writeServerHello(localRandom, suite.id, srtpProfile, hello),
    );
    handshake.send(HandshakeType.certificate, writeCertificate(certificate.der));
    handshake.send(HandshakeType.serverKeyExchange, concat(parameters, signed));
    handshake.send(HandshakeType.certificateRequest, writeCertificateRequest(accepted));
    handshake.send(HandshakeType.serverHelloDone, EMPTY);
  }

  #certificate(message: HandshakeMessage): Step {
    const refused = this.#handshake.acceptCertificate(readCertificate(message.body));
    if (refused) return { failure: refused };
    this.#handshake.note(message);
    this.#awaiting = "keyExchange";
    return {};
  }

  #keyExchange(message: HandshakeMessage): Step {
    const publicKey = readClientKeyExchange(message.body);
    if (!publicKey) return malformed;
    // RFC 7627 §3: the session hash covers ClientKeyExchange itself.
    this.#handshake.note(message);
    if (!this.#handshake.agree(publicKey)) {
      return { failure: failure(Alert.illegalParameter, "the other side's public key is invalid") };
    }
    this.#awaiting = "verify";
    return {};
  }

  #verify(message: HandshakeMessage): Step {
    const proof = readCertificateVerify(message.body);
    if (!proof) return malformed;
    const { algorithm, signature } = proof;
    if (!this.#handshake.verify(algorithm, this.#handshake.transcript(), signature)) {
      const detail = "the other side can't prove that its certificate is its own";
      return { failure: failure(Alert.decryptError, detail) };
    }
    this.#handshake.note(message);
    this.#awaiting = "finished";
    return {};
  }

  #finished(message: HandshakeMessage): Step {
    const refused = this.#handshake.acceptFinished(message);
    if (refused) return { failure: refused };
    this.#awaiting = "nothing";
    this.#handshake.sendFinished();
    return { flight: this.#handshake.takeFlight(), finished: true };
  }
}
