/** SIP over real UDP sockets on loopback: refusals cost nothing, flows go both ways, IPv6 too. */
import { expect, test } from "bun:test";
import type { B2buaInput } from "../../../gateway/b2bua/border.ts";
import { fromUtf8, utf8 } from "../../../gateway/bytes.ts";
import { listenUdp } from "../../../gateway/io/sip-udp.ts";
import type { FlowId } from "../../../gateway/sip/flow.ts";

async function until(done: () => boolean): Promise<void> {
  for (let tries = 0; !done(); tries++) {
    if (tries > 200) throw new Error("it never happened");
    await Bun.sleep(5);
  }
}

for (const host of ["127.0.0.1", "::1"]) {
  test(`over ${host}: what is sent arrives, what comes has a flow that leads back`, async () => {
    const inputs: B2buaInput[] = [];
    const udp = await listenUdp({
      hostname: host,
      port: 0,
      idPrefix: "",
      localHostFor: () => host,
      feed: (input) => void inputs.push(input),
    });
    const heard: string[] = [];
    const peer = await Bun.udpSocket({
      hostname: host,
      socket: { data: (_socket, data) => void heard.push(fromUtf8(data)) },
    });
    const id = "trunk" as FlowId;
    const flow = udp.open(id, { address: host, port: peer.port });
    expect(flow.sentBy).toBe(host.includes(":") ? `[${host}]:${udp.port}` : `${host}:${udp.port}`);
    expect(udp.send(id, utf8("hello"))).toBe(true);
    await until(() => heard.includes("hello"));
    peer.send("answer", udp.port, host);
    await until(() => inputs.length > 0);
    const [input] = inputs;
    expect(input?.type === "received" && input.flow.id).toBe(id);
    expect(udp.close(id)).toBe(true);
    // Closed, it is a stranger's flow like any other, and still leads back.
    peer.send("again", udp.port, host);
    await until(() => inputs.length > 1);
    const strange = inputs[1];
    if (strange?.type !== "received") throw new Error("a datagram was awaited");
    expect(strange.flow.id).not.toBe(id);
    expect(udp.send(strange.flow.id, utf8("back"))).toBe(true);
    await until(() => heard.includes("back"));
    peer.close();
    udp.stop();
  });
}

test("an address where nobody listens never throws, and the next datagram goes out", async () => {
  const udp = await listenUdp({
    hostname: "127.0.0.1",
    port: 0,
    idPrefix: "",
    localHostFor: () => "127.0.0.1",
    feed: () => {},
  });
  const gone = await Bun.udpSocket({ hostname: "127.0.0.1" });
  const dead = udp.open("dead" as FlowId, { address: "127.0.0.1", port: gone.port });
  gone.close();
  const heard: string[] = [];
  const peer = await Bun.udpSocket({
    hostname: "127.0.0.1",
    socket: { data: (_socket, data) => void heard.push(fromUtf8(data)) },
  });
  const alive = udp.open("alive" as FlowId, { address: "127.0.0.1", port: peer.port });
  for (let round = 0; round < 20; round++) {
    udp.send(dead.id, utf8("anybody?"));
    await Bun.sleep(1);
    udp.send(alive.id, utf8(`round ${round}`));
  }
  await until(() => heard.length === 20);
  peer.close();
  udp.stop();
});
