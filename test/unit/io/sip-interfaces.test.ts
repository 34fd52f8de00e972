import { expect, test } from "bun:test";
import type { B2buaInput } from "../../../gateway/b2bua/border.ts";
import { SipInterfaces } from "../../../gateway/io/sip-interfaces.ts";
import type { FlowId } from "../../../gateway/sip/flow.ts";
import { freePort } from "../../rigs/free-port.ts";

const ADDRESS = "127.0.0.2";
const target = { transport: "udp", host: "127.0.0.1", interface: "carrier" } as const;
const remote = { address: "127.0.0.1", port: 9, transport: "udp" } as const;

async function isTaken(port: number): Promise<boolean> {
  try {
    const socket = await Bun.udpSocket({ hostname: ADDRESS, port });
    socket.close();
    return false;
  } catch {
    return true;
  }
}

test("CON-20: one that is taken away stays as long as a flow of ours goes by it", async () => {
  const inputs: B2buaInput[] = [];
  const interfaces = new SipInterfaces({ feed: (input) => void inputs.push(input) });
  const sipPort = await freePort();
  interfaces.configure({ interfaces: [{ name: "carrier", address: ADDRESS, sipPort }] });
  const id = "trunk-1" as FlowId;
  const { reach } = await interfaces.named("carrier");
  expect(await reach(id, target, remote)).toBeUndefined();
  const [opened] = inputs;
  expect(opened?.type === "opened" && opened.flow.sentBy).toBe(`${ADDRESS}:${sipPort}`);
  interfaces.configure({});
  await expect(interfaces.named("carrier")).rejects.toThrow("there is no interface carrier");
  expect(interfaces.send(id, new Uint8Array([1]))).toBe(true);
  expect(await isTaken(sipPort)).toBe(true);
  interfaces.close(id, "the connection was changed");
  for (let tries = 0; tries < 100 && (await isTaken(sipPort)); tries++) await Bun.sleep(10);
  expect(await isTaken(sipPort)).toBe(false);
});

test("CON-20: what can't be opened is told, and opened once it can be", async () => {
  const sipPort = await freePort();
  const other = await Bun.udpSocket({ hostname: ADDRESS, port: sipPort });
  const interfaces = new SipInterfaces({ feed: () => {} });
  const settings = { interfaces: [{ name: "carrier", address: ADDRESS, sipPort }] };
  interfaces.configure(settings);
  await expect(interfaces.named("carrier")).rejects.toThrow();
  expect(interfaces.status[0]?.problem).toContain(`${ADDRESS}:${sipPort} can't be opened for SIP`);
  other.close();
  // Any later change tries again.
  interfaces.configure(settings);
  await interfaces.named("carrier");
  expect(interfaces.status[0]).toEqual({
    ...{ name: "carrier", bound: ADDRESS, address: ADDRESS, sipPort },
  });
  interfaces.stop();
});

test("a peer's datagrams at one interface are no other's", async () => {
  const inputs: B2buaInput[] = [];
  const interfaces = new SipInterfaces({ feed: (input) => void inputs.push(input) });
  const [one, two] = [await freePort(), await freePort()];
  interfaces.configure({
    interfaces: [
      { name: "one", address: ADDRESS, sipPort: one },
      { name: "two", address: ADDRESS, sipPort: two },
    ],
  });
  await Promise.all([interfaces.named("one"), interfaces.named("two")]);
  const heard: string[] = [];
  const peer = await Bun.udpSocket({
    hostname: "127.0.0.1",
    socket: { data: (_socket, data, port) => void heard.push(`${port} ${data}`) },
  });
  for (const port of [one, two]) peer.send(`to ${port}`, port, ADDRESS);
  const received = () => inputs.filter((input) => input.type === "received");
  for (let tries = 0; tries < 100 && received().length < 2; tries++) await Bun.sleep(10);
  const flows = received().map(({ flow }) => flow);
  expect(new Set(flows.map(({ id }) => id)).size).toBe(2);
  for (const { id } of flows) {
    expect(interfaces.send(id, new TextEncoder().encode(`back by ${id.split(" ")[0]}`))).toBe(true);
  }
  for (let tries = 0; tries < 100 && heard.length < 2; tries++) await Bun.sleep(10);
  expect(heard.sort()).toEqual(
    [one, two].map((port) => `${port} back by ${ADDRESS}:${port}`).sort(),
  );
  peer.close();
  interfaces.stop();
});
