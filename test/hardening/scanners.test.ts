/**
 * S4: what robs gateways for a living, against ours: sipvicious (Debian) finds no device, no
 * extension and no password, as it gets no answer at all; who does not say what it is gets a few
 * refusals and is banned, and a softphone registers as before.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { fromUtf8 } from "../../gateway/bytes.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { silentSoftphone } from "../rigs/signalling.ts";

const HOST = "127.0.0.1";
const GUESSES = 60;
/** Of failures before the ban. */
const FAILURES_MAX = 10;

/** A row of the table in which the tools show what they found. */
const FOUND = /^\s*[|│]\s*(?:127\.|\d{3}\s|alice)/m;

const withScanners = test.skipIf(Bun.which("svmap") === null);
let gateway: GatewayRig;

beforeAll(async () => {
  gateway = await GatewayRig.start({ rtpPorts: "34100-34199" });
  await gateway.api("POST", "/connections", {
    ...{ name: "PBX", type: "outbound-trunk", host: HOST, port: 9, allow: [HOST] },
    ...{ codecs: ["PCMA"], patterns: [{ pattern: "^2\\d{2}$" }] },
  });
});

afterAll(() => gateway.stop());

/** Runs one of the tools until it has given up; what it says. */
async function scan(tool: string, options: readonly string[], from: string): Promise<string> {
  const command = [tool, "-b", from, "-x", from, "-p", String(gateway.sipPort)];
  const child = Bun.spawn([...command, ...options, HOST], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PYTHONUNBUFFERED: "1" },
  });
  const [said, errors] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  await child.exited;
  return said + errors;
}

const SCANS: Readonly<Record<string, readonly [string, readonly string[]]>> = {
  "svmap finds no device": ["svmap", ["-m", "OPTIONS"]],
  "svmap finds no device by INVITE": ["svmap", ["-m", "INVITE"]],
  "svwar finds no extension by REGISTER": ["svwar", ["-e", "100-160,alice", "--force"]],
  "svwar finds none by INVITE": ["svwar", ["-e", "200-260", "--force", "-m", "INVITE"]],
  "svcrack finds no password": ["svcrack", ["-u", "alice", "-r", "1-60", "--maximumtime=3"]],
};

// They wait for answers most of the time, so they wait together, each at an address of its own.
withScanners("S4 sipvicious finds nothing, and on an allow list it finds the gateway", async () => {
  const before = await gateway.status();
  const control = scan("svmap", ["-m", "OPTIONS"], HOST);
  const scans = Object.entries(SCANS).map(async ([what, [tool, options]], index) => {
    return { what, said: await scan(tool, options, `127.0.0.${71 + index}`) };
  });
  for (const { what, said } of await Promise.all(scans)) {
    // Neither a table of what it found, nor its word for a password.
    expect([what, FOUND.test(said)]).toEqual([what, false]);
    expect(said).not.toMatch(/The password for|reqauth|noauth/);
  }
  expect(await control).toMatch(FOUND);
  const { alive } = await gateway.status();
  expect(alive["serverTransactions"]).toBe(before.alive["serverTransactions"] ?? 0);
});

test("S4 who guesses passwords under another name is banned after ten, and nobody else is", async () => {
  let answers = 0;
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.67",
    socket: {
      data: (_socket, data) => {
        if (fromUtf8(data).startsWith("SIP/2.0 ")) answers += 1;
      },
      error: () => {},
    },
  });
  for (let guess = 0; guess < GUESSES; guess++) {
    const text = [
      `REGISTER sip:${HOST} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.67:${socket.port};branch=z9hG4bK-s4-${guess}`,
      `From: <sip:alice@${HOST}>;tag=s4`,
      `To: <sip:alice@${HOST}>`,
      `Call-ID: s4-${guess}`,
      `CSeq: ${guess + 1} REGISTER`,
      `Contact: <sip:alice@127.0.0.67:${socket.port}>`,
      `Authorization: Digest username="alice", realm="jackfield", nonce="x", uri="sip:${HOST}", response="${"0".repeat(31)}${guess % 10}"`,
      "Max-Forwards: 70",
      "Content-Length: 0",
      "",
      "",
    ].join("\r\n");
    socket.send(text, gateway.sipPort, HOST);
    await Bun.sleep(10);
  }
  await gateway.line(/ ban .*127\.0\.0\.67/);
  socket.close();
  expect(answers).toBeGreaterThan(0);
  expect(answers).toBeLessThanOrEqual(FAILURES_MAX);
  const { phone } = await silentSoftphone(gateway, "bob");
  phone.close();
});
