/**
 * A certificate by ACME (RFC 8555): ordered at the first start, taken over without dropping anybody,
 * kept over a restart, ordered anew for other names; and what a failure says.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { AcmeServer } from "../rigs/acme-server.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { hasOpenssl } from "../rigs/openssl.ts";

const NAMES = ["phones.example.test", "sip.example.test"];
const CHALLENGE_PORT = 28_380;
const TEST_MS = 60_000;

let directory: string;
let acme: AcmeServer;
beforeAll(async () => {
  if (!hasOpenssl) return;
  directory = mkdtempSync(join(tmpdir(), "acme-"));
  acme = await AcmeServer.start(directory);
  acme.challengePort = CHALLENGE_PORT;
});
afterAll(async () => {
  if (!hasOpenssl) return;
  await acme.stop();
  rmSync(directory, { recursive: true, force: true });
});

function start(names: readonly string[] = NAMES): Promise<GatewayRig> {
  return GatewayRig.start({
    directory,
    keepsDirectory: true,
    environment: {
      JACKFIELD_ACME: names.join(","),
      JACKFIELD_ACME_DIRECTORY: `${acme.url}/directory`,
      JACKFIELD_ACME_EMAIL: "admin@example.test",
      JACKFIELD_ACME_HTTP: `127.0.0.1:${CHALLENGE_PORT}`,
    },
  });
}

/** What somebody who trusts the authority finds at that name: its issuer, or why not. */
function seen(gateway: GatewayRig, servername: string): Promise<string> {
  const ca = readFileSync(join(directory, "ca.pem"), "utf8");
  const port = Number(new URL(gateway.url).port);
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, servername, ca }, () => {
      resolve(String(socket.getPeerCertificate().issuer.CN));
      socket.destroy();
    });
    socket.once("error", (error: Error & { code?: string }) =>
      resolve(error.code ?? error.message),
    );
  });
}

async function untilSeen(gateway: GatewayRig, name: string, wanted: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const found = await seen(gateway, name);
    if (found === wanted) return;
    if (performance.now() > deadline)
      throw new Error(`${name}: ${found}\n${gateway.log.join("\n")}`);
    await Bun.sleep(100);
  }
}

test.skipIf(!hasOpenssl)(
  "ordered at the first start, for all its names, and taken over beside whoever is connected",
  async () => {
    acme.badNonces = 1;
    const gateway = await start();
    try {
      const socket = new WebSocket(gateway.socketUrl, {
        protocols: ["sip"],
        headers: { Origin: gateway.url },
        tls: { rejectUnauthorized: false },
      });
      await new Promise((resolve, reject) => {
        socket.addEventListener("open", resolve);
        socket.addEventListener("error", reject);
      });
      for (const name of NAMES) await untilSeen(gateway, name, "Test Authority");
      expect(socket.readyState).toBe(WebSocket.OPEN);
      socket.close();
      expect(acme.contacts).toEqual([["mailto:admin@example.test"]]);
      const status = await gateway.until(
        "certified",
        ({ acme: order }) => order?.state === "valid",
      );
      expect(status.acme).toEqual({ names: NAMES, state: "valid" });
      expect(status.certificates[0]?.names).toEqual(NAMES);
      // The challenge's port leads people on, and only to names of ours.
      const ask = (host: string, path: string) =>
        fetch(`http://127.0.0.1:${CHALLENGE_PORT}${path}`, {
          headers: { Host: host },
          redirect: "manual",
        });
      const led = await ask("phones.example.test", "/phone?x=1");
      expect([led.status, led.headers.get("Location")]).toEqual([
        308,
        "https://phones.example.test/phone?x=1",
      ]);
      expect((await ask("evil.example", "/phone")).status).toBe(404);
      const gone = await ask("phones.example.test", "/.well-known/acme-challenge/x");
      expect(gone.status).toBe(404);
    } finally {
      await gateway.stop();
    }
    const folder = join(directory, "data", "acme");
    for (const file of readdirSync(folder)) {
      expect([file, statSync(join(folder, file)).mode & 0o077]).toEqual([file, 0]);
    }
  },
  TEST_MS,
);

test.skipIf(!hasOpenssl)(
  "kept over a restart; ordered anew for another name, by the same account",
  async () => {
    const orders = acme.orders.length;
    const again = await start();
    expect(await seen(again, NAMES[0] ?? "")).toBe("Test Authority");
    await again.stop();
    expect(acme.orders.length).toBe(orders);
    const other = await start(["other.example.test"]);
    try {
      await untilSeen(other, "other.example.test", "Test Authority");
      expect(acme.contacts.length).toBe(1);
    } finally {
      await other.stop();
    }
  },
  TEST_MS,
);

test.skipIf(!hasOpenssl)(
  "what fails is told with its reason and the next attempt, and nothing else suffers",
  async () => {
    acme.challengePort = 1;
    const gateway = await start(["third.example.test"]);
    try {
      const { acme: order } = await gateway.until(
        "refused",
        (status) => status.acme?.state === "failed",
      );
      expect(order?.reason).toBe("third.example.test answered with nothing");
      expect(order?.nextAttempt).toBeGreaterThan(Date.now() + 60_000);
      expect(await seen(gateway, "third.example.test")).toMatch(/SELF_SIGNED|VERIFY/);
      expect((await gateway.status()).certificates[0]?.names).toEqual(["third.example.test"]);
    } finally {
      await gateway.stop();
      acme.challengePort = CHALLENGE_PORT;
    }
  },
  TEST_MS,
);
