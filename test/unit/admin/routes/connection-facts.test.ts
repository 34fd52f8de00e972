/** What a PBX that registers here, and every firewall between, is told. */
import { expect, test } from "bun:test";
import { type Client, logIn, openClient } from "../client.ts";

const PATH = "/api/v1/connections";
const OFFICE = { name: "Office", type: "inbound-registration" };

interface Made {
  username: string;
  credentials?: { username: string; password: string };
  warnings?: unknown;
  allow: string[];
}

async function make(client: Client, body: object): Promise<Made> {
  const response = await client.asProgram("POST", PATH, { body: { patterns: [], ...body } });
  expect(response.status).toBe(201);
  return (await response.json()) as Made;
}

test("REG-08: credentials are made here, long enough, shown once and kept as digests", async () => {
  const client = await openClient();
  const made = await make(client, OFFICE);
  const { username = "", password = "" } = made.credentials ?? {};
  expect([made.username, username.length >= 12, password.length >= 24]).toEqual([
    username,
    true,
    true,
  ]);
  // 57 letters, all of them drawn alike.
  expect(password.length * Math.log2(57)).toBeGreaterThan(128);
  expect(made.allow).toEqual(["0.0.0.0/0", "::/0"]);
  const seen = await client.asProgram("GET", `${PATH}/1`);
  const shown = JSON.stringify(await seen.json());
  expect([shown.includes(password), shown.includes("ha1")]).toEqual([false, false]);
  expect(JSON.parse(shown)).toMatchObject({ passwordSet: true, username });
  const kept = client.gateway.applied.at(-1)?.connections[0]?.ha1;
  expect([kept?.md5.length, kept?.sha256.length]).toEqual([32, 64]);
  await client.close();
});

test("REG-08: other changes keep name and password; they are renewed on demand, never chosen", async () => {
  const client = await openClient();
  const made = await make(client, OFFICE);
  const ha1 = () => client.gateway.applied.at(-1)?.connections[0]?.ha1?.sha256;
  const before = ha1();
  const patch = (body: object) => client.asProgram("PATCH", `${PATH}/1`, { body });
  expect((await patch({ weight: 7 })).status).toBe(200);
  expect(ha1()).toBe(before);
  expect((await patch({ username: "chosen-by-hand" })).status).toBe(422);
  expect((await patch({ password: "chosen by hand" })).status).toBe(422);
  expect((await patch({ host: "pbx.example.com" })).status).toBe(422);

  const renewed = await client.asProgram("POST", `${PATH}/1/credentials`);
  const { username, password } = (await renewed.json()) as { username: string; password: string };
  expect([username, password === made.credentials?.password]).toEqual([made.username, false]);
  expect(ha1()).not.toBe(before);
  // As a trunk it has none any more.
  const trunk = { type: "outbound-trunk", host: "192.0.2.9", username: null, allow: ["192.0.2.9"] };
  expect((await patch(trunk)).status).toBe(200);
  expect(ha1()).toBeUndefined();
  expect((await client.asProgram("POST", `${PATH}/1/credentials`)).status).toBe(422);
  await client.close();
});

test("CON-03, REG-08: what to write into Asterisk, FreeSWITCH and 3CX, ready to paste", async () => {
  const client = await openClient();
  const { username } = await make(client, { ...OFFICE, transport: "tcp" });
  const response = await client.asProgram("GET", `${PATH}/1/snippets`);
  const snippets = (await response.json()) as { product: string; text: string }[];
  expect(snippets.map(({ product }) => product)).toEqual(["Asterisk", "FreeSWITCH", "3CX"]);
  for (const { text } of snippets) {
    expect([text.includes(username), text.includes("192.0.2.1")]).toEqual([true, true]);
    expect(text).toContain("PASSWORD");
  }
  const cookie = await logIn(client);
  const shown = await (
    await client.raw("GET", "/connections/1", { headers: { Cookie: cookie } })
  ).text();
  expect([shown.includes("[jackfield-reg]"), shown.includes(username)]).toEqual([true, true]);
  await make(client, { name: "Trunk", type: "outbound-trunk", host: "h", allow: ["192.0.2.7"] });
  expect((await client.asProgram("GET", `${PATH}/2/snippets`)).status).toBe(422);
  await client.close();
});

test("NAT-07, REG-12, SEC-07: firewall facts, and lines to copy, from the configuration as it runs", async () => {
  const client = await openClient();
  const allow = ["192.0.2.7", "2001:db8::/64"];
  const trunk = { name: "Trunk", type: "outbound-trunk", host: "192.0.2.7", port: 5_070, allow };
  await make(client, trunk);
  await make(client, { ...OFFICE, transport: "tls" });
  const of = async (id: number) => {
    const response = await client.asProgram("GET", `${PATH}/${id}/firewall`);
    return (await response.json()) as {
      rules: object[];
      lines: Record<"iptables" | "nftables" | "ufw" | "aws", string[]>;
    };
  };
  const { rules, lines } = await of(1);
  const peers = ["192.0.2.7/32", "2001:db8::/64", "192.0.2.7"];
  expect(rules).toContainEqual({
    purpose: "SIP",
    protocol: "udp",
    direction: "out",
    ports: { first: 5_070, last: 5_070 },
    peers: ["192.0.2.7"],
  });
  expect(rules).toContainEqual({
    purpose: "audio (RTP)",
    protocol: "udp",
    direction: "in",
    ports: { first: 10_000, last: 20_000 },
    peers: peers.slice(0, 2),
  });
  expect(lines.iptables).toContain(
    "iptables -A INPUT -p udp -s 192.0.2.7/32 --dport 5060 -j ACCEPT",
  );
  expect(lines.iptables).toContain(
    "ip6tables -A INPUT -p udp -s 2001:db8::/64 --dport 10000:20000 -j ACCEPT",
  );
  expect(lines.nftables[0]).toBe(
    "nft add rule inet filter input ip saddr 192.0.2.7/32 udp dport 5060 accept",
  );
  expect(lines.ufw[0]).toBe("ufw allow proto udp from 192.0.2.7/32 to any port 5060");
  expect(lines.aws[0]).toContain("FromPort=5060,ToPort=5060,IpRanges=[{CidrIp=192.0.2.7/32}]");
  // A PBX that registers over TLS may be anywhere, and is never connected to.
  const office = await of(2);
  expect(office.lines.ufw).toEqual([
    "ufw allow proto tcp from any to any port 5061",
    "ufw allow proto udp from any to any port 10000:20000",
  ]);
  expect(JSON.stringify(office.rules)).not.toContain('"SIP","protocol":"tcp","direction":"out"');
  await client.close();
});
