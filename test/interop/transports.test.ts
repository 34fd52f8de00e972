/**
 * SIP's stream transports against OpenSSL: certificates checked and presented; a
 * server that is down costs one attempt; a peer that breaks off costs nobody else.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect as connectPlain } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import type { B2buaInput } from "../../gateway/b2bua/border.ts";
import { fromUtf8, utf8 } from "../../gateway/bytes.ts";
import { monotonicNow } from "../../gateway/io/clock.ts";
import { type OwnCertificates, openOwnCertificates } from "../../gateway/io/own-certificates.ts";
import { type Dns, Resolver } from "../../gateway/io/resolver.ts";
import { openSip, type SipTransports } from "../../gateway/io/sip-transports.ts";
import { FLOWS_PER_ADDRESS_MAX } from "../../gateway/limits.ts";
import type { FlowId, Target, TargetTls } from "../../gateway/sip/flow.ts";
import { freePort } from "../rigs/free-port.ts";
import { hasOpenssl, makeCertificate, withTlsServer } from "../rigs/openssl.ts";

const HOST = "127.0.0.1";
const onlyWithOpenssl = test.skipIf(!hasOpenssl);
let directory = "";
let sip: SipTransports;
let certificates: OwnCertificates;
let tlsPort = 0;
const inputs: B2buaInput[] = [];
const names: Record<string, string[]> = {};

const dns: Dns = {
  naptr: () => Promise.reject(new Error("none")),
  srv: () => Promise.reject(new Error("none")),
  addresses: async (name) => names[name] ?? [],
};

const file = (name: string) => join(directory, name);

beforeAll(async () => {
  if (!hasOpenssl) return;
  directory = mkdtempSync(join(tmpdir(), "transports-"));
  await makeCertificate(directory, "gateway", ["gateway.test"]);
  await makeCertificate(directory, "pbx", ["pbx.test"]);
  await makeCertificate(directory, "client", ["client.test"]);
  names["pbx.test"] = [HOST];
  names["other.test"] = [HOST];
  tlsPort = await freePort();
  certificates = openOwnCertificates({
    files: [{ certificate: file("gateway.pem"), key: file("gateway.key") }],
    now: Date.now,
    log: () => {},
  });
  sip = await openSip({
    at: { host: HOST, port: 0 },
    tls: {
      host: HOST,
      port: tlsPort,
      certificates,
      tell: () => {},
    },
    localHostFor: () => HOST,
    feed: (input) => void inputs.push(input),
    resolver: new Resolver({ dns, now: monotonicNow, chance: () => 0 }),
  });
});

afterAll(() => {
  if (!hasOpenssl) return;
  sip.stop();
  certificates.stop();
  rmSync(directory, { recursive: true });
});

let flows = 0;

/** Opens a flow; resolves with what was told of it. */
async function opened(target: Target): Promise<Extract<B2buaInput, { type: "opened" | "closed" }>> {
  flows += 1;
  const id = `trunk-${flows}` as FlowId;
  sip.open(id, target);
  for (let tries = 0; tries < 1_000; tries++) {
    const told = inputs.find(
      (it) =>
        (it.type === "opened" && it.flow.id === id) || (it.type === "closed" && it.flow === id),
    );
    if (told?.type === "opened" || told?.type === "closed") return told;
    await Bun.sleep(10);
  }
  throw new Error("nothing came of the flow");
}

const target = (port: number, tls: TargetTls, host = "pbx.test"): Target => ({
  transport: "tls",
  host,
  port,
  tls,
});

async function until(what: string, done: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (done()) return;
    await Bun.sleep(10);
  }
  throw new Error(`never ${what}`);
}

onlyWithOpenssl(
  "a trusted certificate for the right name: bytes go both ways, TLS 1.2 at least",
  async () => {
    await withTlsServer(directory, "pbx", ["-tls1_2"], async (port, heard) => {
      const caFile = file("pbx.pem");
      const told = await opened(target(port, { verify: "strict", caFile }));
      if (told.type !== "opened") throw new Error(told.reason);
      expect(told.flow.transport).toBe("tls");
      sip.send(told.flow.id, utf8("OPTIONS sip:pbx SIP/2.0\r\n\r\n"));
      await until("heard", () => heard().includes("OPTIONS sip:pbx"));
      sip.close(told.flow.id, "done");
      await until("closed", () =>
        inputs.some((it) => it.type === "closed" && it.flow === told.flow.id),
      );
    });
    await withTlsServer(
      directory,
      "pbx",
      ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
      async (port) => {
        const told = await opened(target(port, { verify: "off" }));
        expect(told.type).toBe("closed");
      },
    );
  },
);

onlyWithOpenssl("a PBX that asks for our certificate gets it", async () => {
  const asks = ["-Verify", "1", "-CAfile", "client.pem", "-verify_return_error"];
  await withTlsServer(directory, "pbx", asks, async (port, heard) => {
    const tls: TargetTls = {
      verify: "off",
      certificateFile: file("client.pem"),
      keyFile: file("client.key"),
    };
    const told = await opened(target(port, tls));
    if (told.type !== "opened") throw new Error(told.reason);
    sip.send(told.flow.id, utf8("with a certificate"));
    await until("heard", () => heard().includes("with a certificate"));
    sip.close(told.flow.id, "done");
  });
});

onlyWithOpenssl("a server that is down costs one attempt; the next address is taken", async () => {
  const dead = "127.0.0.99";
  names["cluster.test"] = [dead, HOST];
  await withTlsServer(directory, "pbx", [], async (port) => {
    const told = await opened(target(port, { verify: "off" }, "cluster.test"));
    if (told.type !== "opened") throw new Error(told.reason);
    expect(told.flow.remote.address).toBe(HOST);
    sip.close(told.flow.id, "done");
  });
});

onlyWithOpenssl(
  "CON-06: over TCP a PBX may have more accounts of ours than a stranger connections",
  async () => {
    const count = FLOWS_PER_ADDRESS_MAX + 6;
    const all = (to: Target) => Promise.all(Array.from({ length: count }, () => opened(to)));
    const pbx = Bun.listen({ hostname: HOST, port: 0, socket: { data: () => {} } });
    const plain = await all({ transport: "tcp", host: HOST, port: pbx.port });
    expect(plain.filter(({ type }) => type === "opened").length).toBe(count);
    pbx.stop(true);
    // A stranger's are counted.
    const sipPort = Number(sip.description.split(":").at(-1));
    const strangers = Array.from({ length: count }, () => connectPlain(sipPort, HOST));
    const closed = new Set<object>();
    for (const it of strangers) it.on("error", () => {}).on("close", () => closed.add(it));
    await until("closed", () => closed.size === 6);
    for (const it of strangers) it.destroy();
  },
);

/** A TLS client of ours at the gateway's own port. */
function clientOf(ca: string): Promise<ReturnType<typeof connectTls>> {
  return new Promise((resolve, reject) => {
    const socket = connectTls(
      { host: HOST, port: tlsPort, servername: "gateway.test", ca, rejectUnauthorized: true },
      () => resolve(socket),
    );
    socket.on("error", reject);
  });
}

onlyWithOpenssl("PBXs connect by TLS, and are answered over their own connection", async () => {
  const client = await clientOf(readFileSync(file("gateway.pem"), "utf8"));
  client.write("OPTIONS sip:gateway SIP/2.0\r\n\r\n");
  const isOurs = (it: B2buaInput) =>
    it.type === "received" &&
    it.flow.transport === "tls" &&
    fromUtf8(it.bytes).includes("sip:gateway");
  await until("received", () => inputs.some(isOurs));
  const received = inputs.find(isOurs);
  if (received?.type !== "received") throw new Error("nothing was received");
  expect(received.flow.sentBy).toBe(`${HOST}:${tlsPort}`);
  const answer = new Promise<string>((resolve) =>
    client.once("data", (data) => resolve(String(data))),
  );
  sip.send(received.flow.id, utf8("SIP/2.0 200 OK\r\n\r\n"));
  expect(await answer).toContain("200 OK");
  client.destroy();
});

onlyWithOpenssl(
  "S13: handshakes broken off and a thousand requests before a reset disturb nobody",
  async () => {
    for (let round = 0; round < 50; round++) {
      const socket = connectPlain(tlsPort, HOST, () => {
        socket.write(new Uint8Array([22, 3, 1, 0, 200, 1, 0, 0, 196]));
        socket.resetAndDestroy();
      }).on("error", () => {});
    }
    const burst = "INVITE sip:1@gateway SIP/2.0\r\n\r\n".repeat(1_000);
    for (let round = 0; round < 5; round++) {
      const client = await clientOf(readFileSync(file("gateway.pem"), "utf8"));
      client.write(burst);
      await Bun.sleep(20);
      client.resetAndDestroy();
    }
    const client = await clientOf(readFileSync(file("gateway.pem"), "utf8"));
    client.write("after the storm");
    await until("heard", () =>
      inputs.some((it) => it.type === "received" && fromUtf8(it.bytes) === "after the storm"),
    );
    client.destroy();
  },
);
