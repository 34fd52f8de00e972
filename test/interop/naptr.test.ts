/** RFC 3263 §4.1 with the system's resolver and records on the wire: the domain chooses the transport. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { getServers, setServers } from "node:dns/promises";
import type { B2buaInput } from "../../gateway/b2bua/border.ts";
import { monotonicNow } from "../../gateway/io/clock.ts";
import { Resolver, systemDns } from "../../gateway/io/resolver.ts";
import { openSip, type SipTransports } from "../../gateway/io/sip-transports.ts";
import type { FlowId } from "../../gateway/sip/flow.ts";
import { type NameServer, startNameServer } from "../rigs/name-server.ts";

const HOST = "127.0.0.1";
const systemServers = getServers();
const inputs: B2buaInput[] = [];
let names: NameServer;
let pbx: Bun.TCPSocketListener;
let sip: SipTransports;

beforeAll(async () => {
  pbx = Bun.listen({ hostname: HOST, port: 0, socket: { data: () => {} } });
  const offer = (order: number, service: string, replacement: string) => {
    return { order, preference: 1, flags: "S", service, replacement };
  };
  const server = { name: "localhost", port: pbx.port, priority: 1, weight: 1 };
  names = await startNameServer({
    naptr: {
      "pbx.test": [
        offer(20, "SIP+D2U", "_sip._udp.pbx.test"),
        offer(10, "SIP+D2T", "_sip._tcp.pbx.test"),
      ],
    },
    srv: {
      "_sip._tcp.pbx.test": [server],
      "_sip._udp.pbx.test": [server],
      "_sip._udp.plain.test": [server],
    },
  });
  setServers([names.address]);
  sip = await openSip({
    at: { host: HOST, port: 0 },
    localHostFor: () => HOST,
    feed: (input) => void inputs.push(input),
    resolver: new Resolver({ dns: systemDns, now: monotonicNow, chance: () => 0 }),
  });
});

afterAll(() => {
  setServers(systemServers);
  sip.stop();
  names.stop();
  pbx.stop(true);
});

/** What came of a flow to the host, with its transport left to the domain. */
async function reached(host: string): Promise<string> {
  const id = `trunk-${host}` as FlowId;
  sip.open(id, { transport: "auto", host });
  for (;;) {
    for (const input of inputs) {
      if (input.type === "closed" && input.flow === id) return input.reason;
      if (input.type !== "opened" || input.flow.id !== id) continue;
      return `${input.flow.transport} ${input.flow.remote.port}`;
    }
    await Bun.sleep(10);
  }
}

test("the transport of a connection that names none is the one its domain prefers", async () => {
  expect(await reached("pbx.test")).toBe(`tcp ${pbx.port}`);
  expect(await reached("plain.test")).toBe(`udp ${pbx.port}`);
  expect(await reached("nowhere.test")).toContain("nowhere.test does not resolve");
});
