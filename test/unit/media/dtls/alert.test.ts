/** Alerts: sent in the epoch the peer can read, heard while they may be believed. */
import { expect, test } from "bun:test";
import { Alert, AlertLevel } from "../../../../gateway/media/dtls/alert.ts";
import { DtlsEndpoint } from "../../../../gateway/media/dtls/dtls-endpoint.ts";
import { HandshakeType } from "../../../../gateway/media/dtls/handshake-message.ts";
import { ContentType, RecordWriter, readRecords } from "../../../../gateway/media/dtls/record.ts";
import { seededRandom } from "../seeded-random.ts";
import { Association, clientCertificate, type Side, serverCertificate } from "./association.ts";
import { ScriptedPeer } from "./scripted-peer.ts";

const SIDES: readonly Side[] = ["client", "server"];

function plaintext(level: number, description: number): Uint8Array {
  return new RecordWriter().write(ContentType.alert, 0, Uint8Array.of(level, description));
}

/** A side that has begun, of whose datagrams none arrives. */
function waiting(side: Side): Association {
  const association = new Association();
  association.tamper = () => undefined;
  return association.run(0).settle(side === "client" ? 1_000 : 0);
}

test("a server that refuses CertificateVerify says so in plaintext: its keys are not on yet", () => {
  // RFC 5246 §7.1: until our ChangeCipherSpec the peer reads epoch 0 and would drop epoch 1.
  const server = new DtlsEndpoint({
    role: "server",
    certificate: serverCertificate,
    fingerprints: [clientCertificate.fingerprint],
    random: seededRandom(8),
  });
  const peer = new ScriptedPeer("client", (item) => {
    if (item.type !== HandshakeType.certificateVerify) return item;
    const body = item.body.slice();
    body[body.length - 1] = (body[body.length - 1] ?? 0) ^ 1;
    return { ...item, body };
  });
  const alerts: { epoch: number; fragment: Uint8Array }[] = [];
  const toServer = peer.start();
  for (let datagram = toServer.shift(); datagram; datagram = toServer.shift()) {
    for (const output of server.receive(datagram, 0)) {
      if (output.type !== "send") continue;
      toServer.push(...peer.receive(output.datagram));
      alerts.push(...readRecords(output.datagram).filter(({ type }) => type === ContentType.alert));
    }
  }
  expect(server.state).toBe("failed");
  expect(alerts).toMatchObject([
    { epoch: 0, fragment: Uint8Array.of(AlertLevel.fatal, Alert.decryptError) },
  ]);
});

for (const side of SIDES) {
  test(`a fatal alert during the handshake ends the ${side} with a sentence`, () => {
    for (const [description, words] of [
      [Alert.handshakeFailure, /none of the ciphers/],
      [Alert.badCertificate, /not accept our certificate/],
      [Alert.protocolVersion, /not speak DTLS 1.2/],
      [Alert.decryptError, /could not verify/],
      [199, /alert 199/],
    ] as const) {
      const association = waiting(side);
      association.deliver(side, plaintext(AlertLevel.fatal, description));
      const [failed] = association.all(side, "failed");
      expect(failed?.reason).toBe("dtls");
      expect(failed?.detail).toMatch(words);
      expect(association[side].deadline()).toBeUndefined();
    }
  });

  test(`a goodbye during the handshake is a failure on the ${side}, not a quiet end`, () => {
    const association = waiting(side);
    association.deliver(side, plaintext(AlertLevel.warning, Alert.closeNotify));
    expect(association.all(side, "failed")).toMatchObject([{ reason: "dtls" }]);
    expect(association.all(side, "closed")).toEqual([]);
  });

  test(`a warning and an alert that is cut short leave the handshake of the ${side} alone`, () => {
    const association = waiting(side);
    association.deliver(side, plaintext(AlertLevel.warning, 90));
    for (const cut of [Uint8Array.of(), Uint8Array.of(AlertLevel.fatal)]) {
      association.deliver(side, new RecordWriter().write(ContentType.alert, 0, cut));
    }
    expect(association[side].state).toBe("handshaking");
  });

  test(`the ${side} gives up after thirty seconds in which nothing came`, () => {
    const association = waiting(side);
    association.settle(29_999);
    expect(association[side].state).toBe("handshaking");
    association.settle(30_000);
    const [failed] = association.all(side, "failed");
    expect(failed?.reason).toBe("dtls");
    expect(failed?.detail).toMatch(/30 seconds/);
    expect(association[side].deadline()).toBeUndefined();
  });
}
