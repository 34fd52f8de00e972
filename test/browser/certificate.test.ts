/**
 * X17, NAT-08: from a gateway without TLS to one with a certificate, by the settings' page alone. It is
 * ordered by ACME or read from files; pages, softphones and PBXs are served with it at once, what is
 * open stays open, and what can't be used is told where it is set.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { type Browser, chromium, type Page } from "playwright-core";
import { AcmeServer } from "../rigs/acme-server.ts";
import { CHROMIUM } from "../rigs/admin-desk.ts";
import { ADMIN_PASSWORD, GatewayRig } from "../rigs/gateway.ts";
import { hasOpenssl, makeCertificate } from "../rigs/openssl.ts";

const NAME = "phones.example.test";
const CHALLENGE_PORT = 28_390;
const TEST_MS = 60_000;
const canRun = CHROMIUM !== null && hasOpenssl;
const inBrowser = test.skipIf(!canRun);

let directory: string;
let acme: AcmeServer;
let gateway: GatewayRig;
let browser: Browser;
let page: Page;
const complaints: string[] = [];

beforeAll(async () => {
  if (!canRun) return;
  directory = mkdtempSync(join(tmpdir(), "certificate-"));
  acme = await AcmeServer.start(directory);
  acme.challengePort = CHALLENGE_PORT;
  gateway = await GatewayRig.start({
    environment: {
      JACKFIELD_HTTPS: "127.0.0.1:0",
      JACKFIELD_ACME_HTTP: `127.0.0.1:${CHALLENGE_PORT}`,
    },
  });
  browser = await chromium.launch({
    executablePath: CHROMIUM ?? "chromium",
    args: ["--no-sandbox", "--disable-gpu", `--host-resolver-rules=MAP ${NAME} 127.0.0.1`],
  });
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.on("pageerror", (error) => complaints.push(String(error)));
  await logIn(gateway.url);
}, TEST_MS);

afterAll(async () => {
  await browser?.close();
  await gateway?.stop();
  await acme?.stop();
  if (directory) rmSync(directory, { recursive: true, force: true });
});

async function logIn(url: string): Promise<void> {
  await page.goto(`${url}/login`);
  await page.fill("[name=password]", ADMIN_PASSWORD);
  await page.click("button[type=submit]");
  await page.waitForURL(`${url}/`);
}

/** Who issued what is shown at that port to who trusts the authority; else what is wrong. */
function issuerAt(port: number): Promise<string> {
  const ca = readFileSync(join(directory, "ca.pem"), "utf8");
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, servername: NAME, ca }, () => {
      resolve(String(socket.getPeerCertificate().issuer.CN));
      socket.destroy();
    });
    socket.once("error", ({ code, message }: Error & { code?: string }) =>
      resolve(code ?? message),
    );
  });
}

const save = () => page.getByRole("button", { name: "Save" }).click();
const openSettings = () => page.goto(`${gateway.url}/settings/certificate`);

inBrowser(
  "X17: ordered on the page, taken over at once by pages, softphones and PBXs",
  async () => {
    await openSettings();
    await page.getByText("served without TLS").waitFor();
    await page.getByLabel("Host names").fill(NAME);
    await page.getByLabel("E-mail").fill("admin@example.test");
    await page.getByLabel("Issuer").fill(`${acme.url}/directory`);
    await save();
    const { network } = await gateway.until(
      "certified",
      (status) => status.acme?.state === "valid" && status.network.httpsPort !== undefined,
    );
    const [https = 0, sipTls = 0] = [network.httpsPort, network.sipTlsPort];
    await page.getByText("89 days left").waitFor();
    expect(await page.locator("#own-certificates a").getAttribute("href")).toBe(
      `https://${NAME}:${https}/`,
    );
    for (const port of [https, sipTls]) expect(await issuerAt(port)).toBe("Test Authority");
    // A log-in of its own, bound to the host; the other one holds.
    await logIn(`https://${NAME}:${https}`);
    const cookies = await page.context().cookies();
    expect(cookies.map(({ name, secure }) => [name, secure]).sort()).toEqual([
      ["__Host-jackfield", true],
      ["jackfield", false],
    ]);
    const opened = await page.evaluate(`new Promise((resolve) => {
      window.kept = new WebSocket("wss://" + location.host + "/sip", "sip");
      window.kept.onopen = () => resolve("open");
      window.kept.onerror = () => resolve("refused");
    })`);
    expect(opened).toBe("open");
    expect(complaints).toEqual([]);
  },
  TEST_MS,
);

inBrowser(
  "X17: taken away it is closed again, and who is connected stays so",
  async () => {
    const { network } = await gateway.status();
    const phone = page;
    page = await phone.context().newPage();
    await openSettings();
    await page.getByLabel("Host names").fill("");
    await save();
    await page.getByText("served without TLS").waitFor();
    const after = await gateway.status();
    expect([after.network.httpsPort, after.network.sipTlsPort, after.certificates]).toEqual([
      ...[undefined, undefined, []],
    ]);
    for (const port of [network.httpsPort, network.sipTlsPort])
      expect(await issuerAt(port ?? 0)).toBe("ECONNREFUSED");
    expect(await phone.evaluate("window.kept.readyState")).toBe(1);
    await phone.close();
  },
  TEST_MS,
);

inBrowser(
  "X17: from files; one that can't be used is told with its reason, and tried again",
  async () => {
    await makeCertificate(directory, "own", [NAME]);
    const file = (name: string) => join(directory, name);
    await openSettings();
    await page.getByRole("button", { name: "Add a certificate" }).click();
    await page.getByLabel("Chain, PEM").fill(file("none.pem"));
    await page.getByLabel("Its key, PEM").fill(file("own.key"));
    await save();
    await page.getByText(/none\.pem can't be used: ENOENT/).waitFor();
    await page.getByLabel("Chain, PEM").fill(file("own.pem"));
    await save();
    await page.getByText("Signed by itself").waitFor();
    expect(await page.locator("#certificate-problem").isVisible()).toBe(false);
    const { certificates, network } = await gateway.status();
    // R11: it is soon over, and that is told in time.
    expect(certificates).toMatchObject([{ names: [NAME], isDue: true }]);
    expect(await issuerAt(network.httpsPort ?? 0)).toMatch(/SELF_SIGNED|VERIFY/);
    expect(complaints).toEqual([]);
  },
  TEST_MS,
);

inBrowser(
  "X17: an order that fails says why, when it is tried again, and what to do",
  async () => {
    acme.challengePort = 1;
    await openSettings();
    await page.getByRole("button", { name: "Remove this certificate" }).click();
    await page.getByLabel("Host names").fill("other.example.test");
    await page.getByLabel("Issuer").fill(`${acme.url}/directory`);
    await save();
    await page.getByText("No certificate was issued for other.example.test").waitFor();
    const told = await page.locator("#certificate-problem").innerText();
    expect(told).toMatch(/Port 80 of each name must lead here\. It is tried again/);
    expect(complaints).toEqual([]);
  },
  TEST_MS,
);
