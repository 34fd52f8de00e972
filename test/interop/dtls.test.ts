/**
 * Our DTLS against OpenSSL's and GnuTLS's, as client and as server, over UDP on the loopback: the
 * handshakes complete and both ends export the same SRTP keys (RFC 5705, RFC 5764 §4.2).
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Subprocess, spawn, spawnSync } from "bun";
import {
  createCertificate,
  type DtlsCertificate,
  fingerprintOf,
} from "../../gateway/media/dtls/certificate.ts";
import {
  DtlsEndpoint,
  type DtlsOptions,
  type DtlsOutput,
} from "../../gateway/media/dtls/dtls-endpoint.ts";
import type { SrtpKeys } from "../../gateway/media/dtls/key-schedule.ts";
import type { Fingerprint } from "../../gateway/media/protocol.ts";
import type { Random } from "../../gateway/random.ts";

const hasOpenssl = Bun.which("openssl") !== null;
const hasGnutls = hasOpenssl && Bun.which("gnutls-serv") !== null;
const ROUNDS = 100;
const GNUTLS_ROUNDS = 10;
/** Client programs that run side by side; starting one takes longer than its handshake. */
const AT_ONCE = 10;
const LABEL = "EXTRACTOR-dtls_srtp";

/** OpenSSL's and GnuTLS's name of each profile, and the bytes of one key and one salt. */
const PROFILES = [
  { id: 0x0001, openssl: "SRTP_AES128_CM_SHA1_80", keyBytes: 16, saltBytes: 14 },
  { id: 0x0007, openssl: "SRTP_AEAD_AES_128_GCM", keyBytes: 16, saltBytes: 12 },
  { id: 0x0008, openssl: "SRTP_AEAD_AES_256_GCM", keyBytes: 32, saltBytes: 12 },
] as const;
const [CM80] = PROFILES;
const GCM128 = PROFILES[1];

const random: Random = { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) };
let own: DtlsCertificate;
let directory = "";
/** A pair of files for each kind of key a peer may have. */
const peers = new Map<string, { cert: string; key: string; fingerprint: Fingerprint }>();

const KEYS: Record<string, string[]> = {
  "P-256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
  "P-384": ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
  RSA: ["rsa:2048"],
};

function peer(name: string): { cert: string; key: string; fingerprint: Fingerprint } {
  const found = peers.get(name);
  if (!found) throw new Error(`no key ${name}`);
  return found;
}

beforeAll(() => {
  if (!hasOpenssl) return;
  own = createCertificate(random);
  directory = mkdtempSync(join(tmpdir(), "dtls-"));
  for (const [name, newkey] of Object.entries(KEYS)) {
    const cert = join(directory, `${name}.pem`);
    const key = join(directory, `${name}.key`);
    const made = spawnSync(
      ["openssl", "req", "-x509", "-nodes", "-subj", "/CN=peer", "-days", "2", "-newkey"].concat(
        newkey,
        ["-keyout", key, "-out", cert],
      ),
    );
    if (made.exitCode !== 0) throw new Error(made.stderr.toString());
    const { stdout } = spawnSync(["openssl", "x509", "-in", cert, "-outform", "der"]);
    peers.set(name, { cert, key, fingerprint: fingerprintOf(stdout, "sha-256") });
  }
});

afterAll(() => {
  if (directory) rmSync(directory, { recursive: true });
});

type Connected = Extract<DtlsOutput, { type: "connected" }>;

/** Our endpoint on a socket with a real clock: what the webrtc leg and the worker do otherwise. */
class Endpoint {
  /** Processor time spent in our endpoint, milliseconds. */
  cpuMs = 0;
  readonly port: number;
  readonly connected: Promise<Connected>;
  readonly #dtls: DtlsEndpoint;
  readonly #socket: Bun.udp.Socket<"buffer">;
  readonly #settle: { resolve: (value: Connected) => void; reject: (error: Error) => void };
  #remotePort: number;
  #timer: Timer | undefined;

  private constructor(socket: Bun.udp.Socket<"buffer">, dtls: DtlsEndpoint, port: number) {
    this.#socket = socket;
    this.#dtls = dtls;
    this.#remotePort = port;
    this.port = socket.port;
    const { promise, resolve, reject } = Promise.withResolvers<Connected>();
    this.connected = promise;
    this.#settle = { resolve, reject };
    // Whoever waits hears of a failure; nobody may be waiting yet.
    promise.catch(() => {});
  }

  /** A client starts at once towards `remotePort`; a server answers whoever speaks. */
  static async open(
    role: "client" | "server",
    key: string,
    remotePort = 0,
    changes: Partial<DtlsOptions> = {},
  ): Promise<Endpoint> {
    let endpoint: Endpoint | undefined;
    const socket = await Bun.udpSocket({
      hostname: "127.0.0.1",
      socket: {
        data: (_, datagram, port) => endpoint?.receive(datagram, port),
        // The peer's port may be closed already when our goodbye arrives.
        error: () => {},
      },
    });
    const fingerprints = [peer(key).fingerprint];
    const dtls = new DtlsEndpoint({ role, certificate: own, fingerprints, random, ...changes });
    endpoint = new Endpoint(socket, dtls, remotePort);
    if (role === "client") endpoint.act((now) => dtls.start(now));
    return endpoint;
  }

  receive(datagram: Uint8Array, port: number): void {
    this.#remotePort = port;
    this.act((now) => this.#dtls.receive(new Uint8Array(datagram), now));
  }

  act(take: (now: number) => DtlsOutput[]): void {
    const before = process.cpuUsage();
    const outputs = take(performance.now());
    const { user, system } = process.cpuUsage(before);
    this.cpuMs += (user + system) / 1_000;
    for (const output of outputs) {
      if (output.type === "send") this.#socket.send(output.datagram, this.#remotePort, "127.0.0.1");
      else if (output.type === "connected") this.#settle.resolve(output);
      else if (output.type === "failed") this.#settle.reject(new Error(output.detail));
      else this.#settle.reject(new Error("closed"));
    }
    clearTimeout(this.#timer);
    const deadline = this.#dtls.deadline();
    if (deadline === undefined) return;
    const wait = Math.max(0, deadline - performance.now());
    this.#timer = setTimeout(() => this.act((now) => this.#dtls.timeout(now)), wait);
  }

  close(): void {
    this.act((now) => this.#dtls.close(now));
    clearTimeout(this.#timer);
    this.#socket.close();
  }
}

/** A program whose output grows while it runs. Its input stays open, or it would end by itself. */
class Program {
  output = "";
  readonly #process: Subprocess<"pipe", "pipe", "pipe">;
  readonly #read: Promise<unknown>;

  constructor(command: string[]) {
    this.#process = spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "pipe" });
    const { stdout, stderr } = this.#process;
    this.#read = Promise.all([stdout, stderr].map((stream) => this.#collect(stream)));
  }

  /** Waits until the output matches at least `times` times. */
  async prints(pattern: RegExp, times = 1): Promise<RegExpMatchArray[]> {
    const until = performance.now() + 10_000;
    for (;;) {
      const matches = [...this.output.matchAll(pattern)];
      if (matches.length >= times) return matches;
      if (performance.now() > until) throw new Error(`no ${pattern} in:\n${this.output}`);
      await Bun.sleep(2);
    }
  }

  async stop(): Promise<void> {
    this.#process.kill();
    await this.#process.exited;
    await this.#read;
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.output += decoder.decode(chunk, { stream: true });
  }
}

/** A UDP port nobody has at the moment. */
async function freePort(): Promise<number> {
  const socket = await Bun.udpSocket({ hostname: "127.0.0.1" });
  const { port } = socket;
  socket.close();
  return port;
}

/** The exported block as both ends would print it: RFC 5764 §4.2's order. */
function material({ keys }: Connected, role: "client" | "server"): string {
  const { localKey, localSalt, remoteKey, remoteSalt }: SrtpKeys = keys;
  const parts =
    role === "client"
      ? [localKey, remoteKey, localSalt, remoteSalt]
      : [remoteKey, localKey, remoteSalt, localSalt];
  return parts.map((part) => part.toHex()).join("");
}

function opensslArguments(key: string, profile: (typeof PROFILES)[number]): string[] {
  const { cert, key: keyFile } = peer(key);
  const length = String(2 * (profile.keyBytes + profile.saltBytes));
  // Reading Debian's list of authorities would take ten times as long as the handshake.
  const noAuthorities = ["-no-CAfile", "-no-CApath", "-no-CAstore"];
  return ["-dtls1_2", "-cert", cert, "-key", keyFile, "-use_srtp", profile.openssl].concat(
    noAuthorities,
    ["-keymatexport", LABEL, "-keymatexportlen", length],
  );
}

const KEYING = /Keying material: ([0-9A-F]+)/g;

interface Variant {
  name: string;
  key: string;
  profile: (typeof PROFILES)[number];
  more: string[];
  ours?: Partial<DtlsOptions>;
}

const VARIANTS: Variant[] = [
  ...PROFILES.map((profile) => ({
    name: profile.openssl,
    key: "P-256",
    profile,
    more: [] as string[],
  })),
  { name: "an RSA key", key: "RSA", profile: GCM128, more: [] },
  { name: "a P-384 key", key: "P-384", profile: GCM128, more: [] },
  { name: "P-256 for the key exchange", key: "P-256", profile: CM80, more: ["-groups", "P-256"] },
  {
    name: "AES-128",
    key: "P-256",
    profile: CM80,
    more: ["-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"],
  },
  {
    name: "AES-256",
    key: "P-256",
    profile: CM80,
    more: ["-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"],
  },
  { name: "small datagrams", key: "RSA", profile: CM80, more: ["-mtu", "256"], ours: { mtu: 228 } },
];

describe.skipIf(!hasOpenssl)("OpenSSL", () => {
  async function serve(
    { key, profile, more, ours }: Variant,
    rounds: number,
  ): Promise<{ cpuMs: number }> {
    const port = await freePort();
    const server = new Program([
      ...["openssl", "s_server", "-accept", `127.0.0.1:${port}`, "-Verify", "1"],
      ...opensslArguments(key, profile),
      ...more,
    ]);
    let cpuMs = 0;
    try {
      await server.prints(/ACCEPT/g);
      for (let round = 1; round <= rounds; round++) {
        const client = await Endpoint.open("client", key, port, ours);
        const connected = await client.connected;
        const exported = await server.prints(KEYING, round);
        client.close();
        cpuMs += client.cpuMs;
        expect(connected.profile).toBe(profile.id);
        expect(exported.at(-1)?.[1]?.toLowerCase()).toBe(material(connected, "client"));
        // It takes the next client once it has seen this one's goodbye.
        await server.prints(/^DONE$/gm, round);
      }
      expect(server.output).toContain(`profile=${profile.openssl}`);
    } finally {
      await server.stop();
    }
    return { cpuMs: cpuMs / rounds };
  }

  async function connect({ key, profile, more, ours }: Variant): Promise<{ cpuMs: number }> {
    const server = await Endpoint.open("server", key, 0, ours);
    const client = new Program([
      ...["openssl", "s_client", "-connect", `127.0.0.1:${server.port}`],
      ...opensslArguments(key, profile),
      ...more,
    ]);
    try {
      const connected = await server.connected;
      const [exported] = await client.prints(KEYING);
      expect(connected.profile).toBe(profile.id);
      expect(exported?.[1]?.toLowerCase()).toBe(material(connected, "server"));
    } finally {
      server.close();
      await client.stop();
    }
    return { cpuMs: server.cpuMs };
  }

  const plain: Variant = { name: "", key: "P-256", profile: GCM128, more: [] };

  test(`as server: ${ROUNDS} of ${ROUNDS} handshakes, the same keys at both ends`, async () => {
    const { cpuMs } = await serve(plain, ROUNDS);
    console.log(`${cpuMs.toFixed(2)} ms of processor time a handshake as client`);
  }, 60_000);

  test(`as client: ${ROUNDS} of ${ROUNDS} handshakes, the same keys at both ends`, async () => {
    let cpuMs = 0;
    for (let round = 0; round < ROUNDS; round += AT_ONCE) {
      const clients = Array.from({ length: AT_ONCE }, () => connect(plain));
      for (const client of await Promise.all(clients)) cpuMs += client.cpuMs;
    }
    console.log(`${(cpuMs / ROUNDS).toFixed(2)} ms of processor time a handshake as server`);
  }, 60_000);

  test.each(VARIANTS)("as server with $name", async (variant) => {
    await serve(variant, 2);
  });

  test.each(VARIANTS)("as client with $name", async (variant) => {
    await connect(variant);
  });

  test("as server that asks for a cookie", async () => {
    await serve({ ...plain, more: ["-listen"] }, 1);
  });

  test("a server that the SDP did not name is refused, and told so", async () => {
    const port = await freePort();
    const server = new Program([
      ...["openssl", "s_server", "-accept", `127.0.0.1:${port}`],
      ...opensslArguments("P-256", GCM128),
    ]);
    try {
      await server.prints(/ACCEPT/g);
      const client = await Endpoint.open("client", "RSA", port);
      await expect(client.connected).rejects.toThrow("certificate");
      await server.prints(/alert bad certificate/g);
      client.close();
    } finally {
      await server.stop();
    }
  });

  test("a client without a certificate is refused", async () => {
    const server = await Endpoint.open("server", "P-256");
    const client = new Program([
      ...["openssl", "s_client", "-connect", `127.0.0.1:${server.port}`, "-dtls1_2"],
      ...["-use_srtp", GCM128.openssl],
    ]);
    try {
      await expect(server.connected).rejects.toThrow("no certificate");
      await client.prints(/alert bad certificate/g);
    } finally {
      server.close();
      await client.stop();
    }
  });

  test("a client that offers no SRTP is refused", async () => {
    const server = await Endpoint.open("server", "P-256");
    const { cert, key } = peer("P-256");
    const client = new Program([
      ...["openssl", "s_client", "-connect", `127.0.0.1:${server.port}`, "-dtls1_2"],
      ...["-cert", cert, "-key", key],
    ]);
    try {
      await expect(server.connected).rejects.toThrow("SRTP");
      await client.prints(/alert handshake failure/g);
    } finally {
      server.close();
      await client.stop();
    }
  });

  test("DTLS 1.0 is refused, and told so", async () => {
    const server = await Endpoint.open("server", "P-256");
    const { cert, key } = peer("P-256");
    const client = new Program([
      ...["openssl", "s_client", "-connect", `127.0.0.1:${server.port}`, "-dtls1"],
      ...["-cert", cert, "-key", key, "-use_srtp", CM80.openssl, "-cipher", "ALL:@SECLEVEL=0"],
    ]);
    try {
      await expect(server.connected).rejects.toThrow("DTLS 1.2");
      await client.prints(/alert protocol version/g);
    } finally {
      server.close();
      await client.stop();
    }
  });
});

describe.skipIf(!hasGnutls)("GnuTLS", () => {
  const length = 2 * (CM80.keyBytes + CM80.saltBytes);
  function gnutlsArguments(): string[] {
    const { cert, key } = peer("P-256");
    return ["--udp", "--x509certfile", cert, "--x509keyfile", key].concat([
      "--srtp-profiles=SRTP_AES128_CM_HMAC_SHA1_80",
      `--keymatexport=${LABEL}`,
      `--keymatexportsize=${length}`,
    ]);
  }

  test(`as server, with a cookie: ${GNUTLS_ROUNDS} handshakes`, async () => {
    const port = await freePort();
    const server = new Program([
      ...["gnutls-serv", "--port", String(port), "--require-client-cert"],
      ...gnutlsArguments(),
    ]);
    try {
      await server.prints(/IPv4 .*done/g);
      for (let round = 0; round < GNUTLS_ROUNDS; round++) {
        const client = await Endpoint.open("client", "P-256", port);
        expect((await client.connected).profile).toBe(CM80.id);
        client.close();
      }
    } finally {
      await server.stop();
    }
  }, 30_000);

  test(`as client: ${GNUTLS_ROUNDS} handshakes, the same keys at both ends`, async () => {
    const connect = async () => {
      const server = await Endpoint.open("server", "P-256");
      const client = new Program([
        ...["gnutls-cli", "--port", String(server.port), "--insecure"],
        ...gnutlsArguments(),
        "127.0.0.1",
      ]);
      try {
        const connected = await server.connected;
        const [exported] = await client.prints(/Key material: ([0-9a-f]+)/g);
        expect(connected.profile).toBe(CM80.id);
        expect(exported?.[1]).toBe(material(connected, "server"));
      } finally {
        server.close();
        await client.stop();
      }
    };
    await Promise.all(Array.from({ length: GNUTLS_ROUNDS }, connect));
  }, 30_000);
});
