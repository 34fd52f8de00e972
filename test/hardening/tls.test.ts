/**
 * R11, the whole row: PBXs whose certificate is expired, self-signed or somebody else's, or who
 * speak nothing newer than TLS 1.1, are refused and the page says why; our own certificates are
 * warned of a fortnight before their end, chosen by server name, and renewed without a restart.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { openOwnCertificates } from "../../gateway/io/own-certificates.ts";
import { freePort } from "../rigs/free-port.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { hasOpenssl, makeCertificate, openssl, withTlsServer } from "../rigs/openssl.ts";

const HOST = "127.0.0.1";
const onlyWithOpenssl = test.skipIf(!hasOpenssl);

let directory = "";
let gateway: GatewayRig;
let sipTlsPort = 0;

const file = (name: string) => join(directory, name);
const webPort = () => Number(new URL(gateway.url).port);

beforeAll(async () => {
  if (!hasOpenssl) return;
  directory = mkdtempSync(join(tmpdir(), "tls-"));
  await makeCertificate(directory, "main", ["main.test"], 5);
  await makeCertificate(directory, "site", ["site.test", "*.site.test"], 400);
  sipTlsPort = await freePort();
  gateway = await GatewayRig.start({
    rtpPorts: "33900-33999",
    environment: {
      JACKFIELD_TLS_CERT: `${file("main.pem")},${file("site.pem")}`,
      JACKFIELD_TLS_KEY: `${file("main.key")}, ${file("site.key")}`,
      JACKFIELD_SIP_TLS: `${HOST}:${sipTlsPort}`,
    },
  });
});

afterAll(async () => {
  if (!hasOpenssl) return;
  await gateway.stop();
  rmSync(directory, { recursive: true });
});

let connections = 0;

/** What the page says of a new connection to that port, once it has been tried. */
async function verdictOn(port: number, tls: object | undefined, host = "localhost") {
  connections += 1;
  const name = `PBX ${connections}`;
  const { id } = await gateway.api<{ id: number }>("POST", "/connections", {
    ...{ name, type: "outbound-registration", host, port, transport: "tls" },
    ...{ username: "gateway", password: "pbx-secret", inboundUser: undefined },
    patterns: [],
    ...(tls ? { tls } : {}),
  });
  const of = (status: Awaited<ReturnType<typeof gateway.status>>) =>
    status.connections.find((it) => it.id === id);
  const tried = (status: Awaited<ReturnType<typeof gateway.status>>) =>
    of(status)?.registration === "unreachable" || of(status)?.registrar !== undefined;
  const shown = of(await gateway.until(`tried ${name}`, tried));
  await gateway.api("DELETE", `/connections/${id}`);
  return shown;
}

onlyWithOpenssl(
  "R11 a PBX's certificate that is not as it must be: refused, in words",
  async () => {
    await makeCertificate(directory, "pbx", ["localhost"]);
    await makeCertificate(directory, "expired", ["localhost"], -1);
    await makeCertificate(directory, "other", ["other.test"]);
    const trusted = (base: string) => ({ verify: "strict", caFile: file(`${base}.pem`) });
    const old = ["-cipher", "ALL:@SECLEVEL=0"];
    const table: [string, string, string[], object | undefined, string][] = [
      ["self-signed, by default", "pbx", [], undefined, "is signed by itself"],
      ["expired", "expired", [], trusted("expired"), "expired on"],
      ["wrong host", "other", [], trusted("other"), "is for somebody else: DNS:other.test"],
      ["TLS 1.0", "pbx", ["-tls1", ...old], trusted("pbx"), "takes no TLS connection"],
      ["TLS 1.1", "pbx", ["-tls1_1", ...old], { verify: "off" }, "takes no TLS connection"],
      ["not the pinned one", "pbx", [], { verify: "pin", pin: "00".repeat(32) }, "another"],
    ];
    const tries = table.map(([what, base, more, tls, reason]) =>
      withTlsServer(directory, base, more, async (port) => {
        const shown = await verdictOn(port, tls);
        expect([what, shown?.registration]).toEqual([what, "unreachable"]);
        expect([what, shown?.reason]).toEqual([what, expect.stringContaining(reason)]);
      }),
    );
    await Promise.all(tries);
    // The same server with nothing wrong: it was the certificate.
    await withTlsServer(directory, "pbx", [], async (port, heard) => {
      const shown = await verdictOn(port, trusted("pbx"));
      expect(shown?.registrar).toBe(`${HOST}:${port}`);
      expect(heard()).toContain("REGISTER sip:localhost");
    });
  },
);

/** The common name of what is shown at the port for that server name. */
function shownAt(port: number, servername?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { host: HOST, port, rejectUnauthorized: false, ...(servername ? { servername } : {}) },
      () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      },
    ).on("error", reject);
  });
}

onlyWithOpenssl("R11 peers and browsers of TLS 1.0 and 1.1 are refused", async () => {
  for (const port of [sipTlsPort, webPort()]) {
    const handshake = (version: string) =>
      openssl(
        ...[directory, "s_client", "-connect", `${HOST}:${port}`, version],
        ...["-cipher", "ALL:@SECLEVEL=0"],
      );
    await expect(handshake("-tls1")).rejects.toThrow();
    await expect(handshake("-tls1_1")).rejects.toThrow();
    await handshake("-tls1_2");
  }
});

onlyWithOpenssl("SNI: the certificate is the one of the name that is asked for", async () => {
  for (const port of [sipTlsPort, webPort()]) {
    expect(await shownAt(port)).toBe("main.test");
    expect(await shownAt(port, "site.test")).toBe("site.test");
    expect(await shownAt(port, "Phones.SITE.test")).toBe("site.test");
    expect(await shownAt(port, "stranger.test")).toBe("main.test");
    // A wildcard is for one label (RFC 6125 §6.4.3).
    expect(await shownAt(port, "a.b.site.test")).toBe("main.test");
  }
});

/** A connection that is there before the certificate changes. */
function openTls(): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: HOST, port: sipTlsPort, rejectUnauthorized: false }, () =>
      resolve(socket),
    ).on("error", reject);
  });
}

onlyWithOpenssl(
  "R11 our own certificate: warned of in time, renewed without a restart, half-written ones passed over",
  async () => {
    const [main, site] = (await gateway.status()).certificates;
    expect(main).toMatchObject({ names: ["main.test"], isDue: true });
    expect(main?.daysLeft).toBeWithin(4, 6);
    expect(site).toMatchObject({ names: ["site.test", "*.site.test"], isDue: false });
    await gateway.line(/certificate-expires .*main\.test/);

    const socket = new WebSocket(`${gateway.socketUrl}`, {
      protocols: "sip",
      tls: { rejectUnauthorized: false },
    } as never);
    await new Promise((resolve) => socket.addEventListener("open", resolve));
    const stream = await openTls();

    // Between the two writes the key is another's: the old one serves on.
    await makeCertificate(directory, "next", ["next.test"], 400);
    copyFileSync(file("next.pem"), file("main.pem"));
    await gateway.line(/certificate-unusable/);
    expect(await shownAt(sipTlsPort)).toBe("main.test");
    copyFileSync(file("next.key"), file("main.key"));
    await gateway.line(/certificate-renewed/);
    for (const port of [sipTlsPort, webPort()]) {
      expect(await shownAt(port)).toBe("next.test");
      expect(await shownAt(port, "site.test")).toBe("site.test");
    }
    expect((await gateway.status()).certificates.map(({ isDue }) => isDue)).toEqual([false, false]);

    // What was open goes on, both ways.
    const answered = new Promise((resolve) => stream.once("data", resolve));
    stream.write("\r\n\r\n");
    expect(String(await answered)).toBe("\r\n");
    const echoed = new Promise<MessageEvent>((resolve) =>
      socket.addEventListener("message", resolve),
    );
    socket.send("\r\n\r\n");
    expect((await echoed).data).toBe("\r\n");
    stream.destroy();
    socket.close();
  },
);

onlyWithOpenssl(
  "R11 our own certificate that has expired is shown, and complained of",
  async () => {
    await makeCertificate(directory, "gone", ["gone.test"], -1);
    const lines: string[] = [];
    const certificates = openOwnCertificates({
      files: [{ certificate: file("gone.pem"), key: file("gone.key") }],
      now: Date.now,
      log: (level, event, fields) => void lines.push(`${level} ${event} ${fields?.["names"]}`),
    });
    certificates.stop();
    expect(lines).toEqual(["warning certificate-expired gone.test"]);
    expect(certificates.status()).toMatchObject([{ isDue: true, names: ["gone.test"] }]);
    expect(certificates.status()[0]?.daysLeft).toBeLessThan(0);
  },
);

onlyWithOpenssl(
  "a key of another certificate, or none, ends the start with a sentence",
  async () => {
    writeFileSync(file("empty.pem"), "");
    const start = (environment: Record<string, string>) => {
      const child = Bun.spawnSync(
        [process.execPath, join(import.meta.dir, "../../gateway/main.ts"), "--data=never"],
        { cwd: directory, env: { ...process.env, ...environment, JACKFIELD_HTTP: `${HOST}:0` } },
      );
      return `${child.exitCode} ${String(child.stderr)}`;
    };
    const site = { JACKFIELD_TLS_CERT: file("site.pem"), JACKFIELD_SIP: `${HOST}:0` };
    expect(start(site)).toStartWith("2 jackfield: --tls-cert and --tls-key belong together");
    expect(start({ ...site, JACKFIELD_TLS_KEY: file("other.key") })).toMatch(
      /2 jackfield: the TLS certificate \S+site\.pem can't be used: \S+other\.key is another's key/,
    );
    expect(start({ ...site, JACKFIELD_TLS_KEY: file("empty.pem") })).toStartWith("2 jackfield: ");
  },
);
