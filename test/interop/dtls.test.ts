/**
 * Our DTLS against OpenSSL's, GnuTLS's and Mbed TLS's, as client and as server, over UDP on the loopback: the
 * handshakes complete and both ends export the same SRTP keys (RFC 5705, RFC 5764 §4.2).
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "bun";
import {
  createCertificate,
  type DtlsCertificate,
  fingerprintOf,
} from "../../gateway/media/dtls/certificate.ts";
import type { DtlsOptions } from "../../gateway/media/dtls/dtls-endpoint.ts";
import type { Fingerprint } from "../../gateway/media/protocol.ts";
import type { Random } from "../../gateway/random.ts";
import { DtlsPeer, material, Program } from "../rigs/dtls-peer.ts";
import { freePort } from "../rigs/free-port.ts";
import { buildMbedtls, hasMbedtls, MBEDTLS_KEYS, runMbedtls } from "../rigs/mbedtls.ts";
import { seededChance } from "../unit/media/chance.ts";

const hasOpenssl = Bun.which("openssl") !== null;
const hasGnutls = hasOpenssl && Bun.which("gnutls-serv") !== null;
const ROUNDS = 100;
const GNUTLS_ROUNDS = 10;
const MBEDTLS_ROUNDS = 5;
/** Client programs that run side by side; starting one takes longer than its handshake. */
const AT_ONCE = 10;
/** Datagrams' bytes, and how many of them are lost both ways: a flight of ten small ones, or two. */
const LOSSY = [
  { mtu: 228, loss: 0.2 },
  { mtu: 1_200, loss: 0.4 },
];
/** How long the peers' patience may make a handshake then. */
const LOSSY_MS = 60_000;
const LOSSY_ROUNDS = 3;
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

/** Ours, on a socket: it knows the certificate of that key, and no other. */
function open(
  role: "client" | "server",
  key: string,
  remotePort = 0,
  changes: Partial<DtlsOptions> = {},
  loses?: () => boolean,
): Promise<DtlsPeer> {
  const fingerprints = [peer(key).fingerprint];
  const options = { role, certificate: own, fingerprints, random, ...changes };
  return DtlsPeer.open(options, remotePort, loses);
}

/** A UDP port nobody has at the moment. */
/** Which datagrams are lost is the same in every run. */
function lossOf(round: number, loss: number): () => boolean {
  const chance = seededChance(100 + round);
  return () => chance() < loss;
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
  {
    name: "ChaCha20",
    key: "P-256",
    profile: GCM128,
    more: ["-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"],
  },
  {
    name: "ChaCha20 and an RSA key",
    key: "RSA",
    profile: GCM128,
    more: ["-cipher", "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-CHACHA20-POLY1305"],
  },
  {
    name: "X25519 for the key exchange",
    key: "P-256",
    profile: CM80,
    more: ["-groups", "X25519:P-256"],
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
        const client = await open("client", key, port, ours);
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
    const server = await open("server", key, 0, ours);
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

  test.each(
    (["server", "client"] as const).flatMap((role) => LOSSY.map((way) => ({ role, ...way }))),
  )(
    `P8: as $role, datagrams of $mtu bytes, $loss of them lost: ${LOSSY_ROUNDS} handshakes, the same keys`,
    async ({ role, mtu, loss }) => {
      const once = async (round: number) => {
        const loses = lossOf(round, loss);
        const small = ["-mtu", String(Math.max(256, mtu)), "-timeout"];
        if (role === "client") {
          const server = await open("server", "P-256", 0, { mtu }, loses);
          const client = new Program([
            ...["openssl", "s_client", "-connect", `127.0.0.1:${server.port}`],
            ...opensslArguments("P-256", GCM128),
            ...small,
          ]);
          const connected = await server.connected;
          const [exported] = await client.prints(KEYING, 1, LOSSY_MS);
          expect(exported?.[1]?.toLowerCase()).toBe(material(connected, "server"));
          server.close();
          await client.stop();
          return;
        }
        const port = await freePort();
        const server = new Program([
          ...["openssl", "s_server", "-accept", `127.0.0.1:${port}`, "-Verify", "1"],
          ...opensslArguments("P-256", GCM128),
          ...small,
        ]);
        await server.prints(/ACCEPT/g);
        const client = await open("client", "P-256", port, { mtu }, loses);
        const connected = await client.connected;
        const [exported] = await server.prints(KEYING, 1, LOSSY_MS);
        expect(exported?.[1]?.toLowerCase()).toBe(material(connected, "client"));
        client.close();
        await server.stop();
      };
      await Promise.all(Array.from({ length: LOSSY_ROUNDS }, (_, round) => once(round)));
    },
    2 * LOSSY_MS,
  );

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
      const client = await open("client", "RSA", port);
      await expect(client.connected).rejects.toThrow("certificate");
      await server.prints(/alert bad certificate/g);
      client.close();
    } finally {
      await server.stop();
    }
  });

  test("a client without a certificate is refused", async () => {
    const server = await open("server", "P-256");
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
    const server = await open("server", "P-256");
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
    const server = await open("server", "P-256");
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
        const client = await open("client", "P-256", port);
        expect((await client.connected).profile).toBe(CM80.id);
        client.close();
      }
    } finally {
      await server.stop();
    }
  }, 30_000);

  test.each([
    { rounds: GNUTLS_ROUNDS, mtu: 1_200, loss: 0 },
    ...LOSSY.map((way) => ({ rounds: 3, ...way })),
  ])(
    "P8: as client, datagrams of $mtu bytes, $loss of them lost: $rounds handshakes, the same keys",
    async ({ rounds, mtu, loss }) => {
      const connect = async (_each: unknown, round: number) => {
        const [loses, changes] = [lossOf(round, loss), { mtu }];
        const server = await open("server", "P-256", 0, changes, loses);
        const client = new Program([
          ...["gnutls-cli", "--port", String(server.port), "--insecure"],
          ...gnutlsArguments(),
          "127.0.0.1",
        ]);
        try {
          const connected = await server.connected;
          const [exported] = await client.prints(
            /Key material: ([0-9a-f]+)/g,
            1,
            loss === 0 ? 10_000 : LOSSY_MS,
          );
          expect(connected.profile).toBe(CM80.id);
          expect(exported?.[1]).toBe(material(connected, "server"));
        } finally {
          server.close();
          await client.stop();
        }
      };
      await Promise.all(Array.from({ length: rounds }).map(connect));
    },
    LOSSY_MS,
  );
});

describe.skipIf(!hasOpenssl || !hasMbedtls)("Mbed TLS", () => {
  beforeAll(() => buildMbedtls(directory));

  const ways = [
    { rounds: MBEDTLS_ROUNDS, mtu: 1_200, loss: 0 },
    ...LOSSY.map((way) => ({ rounds: LOSSY_ROUNDS, ...way })),
  ];

  test.each(
    (["server", "client"] as const).flatMap((role) =>
      ["P-256", "RSA"].flatMap((key) => ways.map((way) => ({ role, key, ...way }))),
    ),
  )(
    "P8: as $role, $key, datagrams of $mtu bytes, $loss of them lost: $rounds handshakes, the same keys",
    async ({ role, key, rounds, mtu, loss }) => {
      const once = async (_each: unknown, round: number) => {
        const { cert: certificate, key: keyFile } = peer(key);
        const port = await freePort();
        const run = (at: number) =>
          runMbedtls(directory, {
            role,
            port: at,
            certificate,
            key: keyFile,
            profile: CM80.id,
            mtu,
          });
        const ours = role === "server" ? "client" : "server";
        const loses = lossOf(round, loss);
        const listening = ours === "server" ? await open(ours, key, 0, { mtu }, loses) : undefined;
        const program = run(listening?.port ?? port);
        if (!listening) await program.prints(/LISTENING/g);
        const endpoint = listening ?? (await open(ours, key, port, { mtu }, loses));
        try {
          const connected = await endpoint.connected;
          const [exported] = await program.prints(MBEDTLS_KEYS, 1, loss === 0 ? 10_000 : LOSSY_MS);
          expect(connected.profile).toBe(CM80.id);
          expect(exported?.slice(1)).toEqual(["0001", material(connected, ours)]);
        } finally {
          endpoint.close();
          await program.stop();
        }
      };
      await Promise.all(Array.from({ length: rounds }).map(once));
    },
    2 * LOSSY_MS,
  );
});
