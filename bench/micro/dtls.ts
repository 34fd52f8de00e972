/** DTLS handshakes: CPU of each role of ours, and of OpenSSL's server with the same client. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemRandom } from "../../gateway/io/random.ts";
import {
  createCertificate,
  type DtlsCertificate,
  fingerprintOf,
} from "../../gateway/media/dtls/certificate.ts";
import { DtlsEndpoint, type DtlsOutput } from "../../gateway/media/dtls/dtls-endpoint.ts";
import type { Fingerprint } from "../../gateway/media/protocol.ts";
import { cpuSeconds } from "../signalling/cpu.ts";
import { type Figure, figureOf } from "../signalling/figures.ts";
import type { MicroResult } from "./micro.ts";
import { cpuMicros } from "./timing.ts";

const ROUNDS = 5;
const HANDSHAKES = 40;
const OPENSSL_PORT = 27_480;

export async function dtlsResults(): Promise<MicroResult[]> {
  const certificate = createCertificate(systemRandom);
  const ours = { client: [] as number[], server: [] as number[] };
  for (let round = -1; round < ROUNDS; round++) {
    const cost = { client: 0, server: 0 };
    for (let index = 0; index < HANDSHAKES; index++) handshake(certificate, cost);
    // The first round only warms up.
    if (round < 0) continue;
    ours.client.push(cost.client / HANDSHAKES);
    ours.server.push(cost.server / HANDSHAKES);
  }
  const openssl = Bun.which("openssl") ? await opensslServer(certificate) : undefined;
  return [
    {
      name: "DTLS handshake, as server",
      ours: figureOf(ours.server),
      theirs: openssl,
      beside: "openssl s_server",
    },
    { name: "DTLS handshake, as client", ours: figureOf(ours.client) },
  ];
}

/** Both roles against each other in memory; adds what each cost, microseconds. */
function handshake(certificate: DtlsCertificate, cost: { client: number; server: number }): void {
  const fingerprints = [certificate.fingerprint];
  const common = { certificate, fingerprints, random: systemRandom };
  const ends = {
    client: new DtlsEndpoint({ role: "client", ...common }),
    server: new DtlsEndpoint({ role: "server", ...common }),
  };
  const act = (role: "client" | "server", work: () => DtlsOutput[]) => {
    const before = cpuMicros();
    const outputs = work();
    cost[role] += cpuMicros() - before;
    return outputs.flatMap((output) => (output.type === "send" ? [output.datagram] : []));
  };
  act("server", () => ends.server.start(0));
  let toServer = act("client", () => ends.client.start(0));
  while (toServer.length > 0) {
    const toClient = toServer.flatMap((datagram) =>
      act("server", () => ends.server.receive(datagram, 0)),
    );
    toServer = toClient.flatMap((datagram) =>
      act("client", () => ends.client.receive(datagram, 0)),
    );
  }
  if (ends.client.state !== "connected" || ends.server.state !== "connected") {
    throw new Error("the DTLS handshake did not come to its end");
  }
}

/** CPU microseconds of OpenSSL's server for each handshake with our client. */
async function opensslServer(certificate: DtlsCertificate): Promise<Figure> {
  const directory = mkdtempSync(join(tmpdir(), "dtls-"));
  const [cert, key] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  const made = Bun.spawnSync([
    ...["openssl", "req", "-x509", "-nodes", "-subj", "/CN=peer", "-days", "2"],
    ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", key, "-out", cert],
  ]);
  if (made.exitCode !== 0) throw new Error(`openssl req: ${made.stderr}`);
  const der = Bun.spawnSync(["openssl", "x509", "-in", cert, "-outform", "der"]).stdout;
  const fingerprint = fingerprintOf(new Uint8Array(der), "sha-256");
  const server = Bun.spawn(
    [
      ...["openssl", "s_server", "-dtls1_2", "-quiet", "-Verify", "1"],
      ...["-accept", `127.0.0.1:${OPENSSL_PORT}`, "-cert", cert, "-key", key],
      ...["-use_srtp", "SRTP_AEAD_AES_128_GCM"],
    ],
    { stdio: ["pipe", "ignore", "ignore"] },
  );
  try {
    await Bun.sleep(300);
    const costs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const before = cpuSeconds(server.pid);
      for (let index = 0; index < HANDSHAKES; index++) await connect(certificate, fingerprint);
      costs.push(((cpuSeconds(server.pid) - before) * 1e6) / HANDSHAKES);
    }
    return figureOf(costs);
  } finally {
    server.kill();
    await server.exited;
    rmSync(directory, { recursive: true, force: true });
  }
}

async function connect(certificate: DtlsCertificate, fingerprint: Fingerprint): Promise<void> {
  const connected = Promise.withResolvers<void>();
  const dtls = new DtlsEndpoint({
    role: "client",
    certificate,
    fingerprints: [fingerprint],
    random: systemRandom,
  });
  const act = (outputs: DtlsOutput[]) => {
    for (const output of outputs) {
      if (output.type === "send") send(output.datagram);
      if (output.type === "connected") connected.resolve();
      if (output.type === "failed") connected.reject(new Error(output.detail));
    }
  };
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    socket: {
      data: (_socket, data) => act(dtls.receive(new Uint8Array(data), performance.now())),
      error: () => {},
    },
  });
  const send = (datagram: Uint8Array) => {
    try {
      socket.send(datagram, OPENSSL_PORT, "127.0.0.1");
    } catch {
      // It isn't listening yet: the flight is repeated.
    }
  };
  const timer = setInterval(() => act(dtls.timeout(performance.now())), 20);
  try {
    act(dtls.start(performance.now()));
    await connected.promise;
    act(dtls.close(performance.now()));
  } finally {
    clearInterval(timer);
    socket.close();
  }
}
