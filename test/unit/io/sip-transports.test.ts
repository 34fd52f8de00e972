/** SIP's port: UDP and TCP have the same one, and what is half taken is not kept. */
import { expect, test } from "bun:test";
import { monotonicNow } from "../../../gateway/io/clock.ts";
import { Resolver, systemDns } from "../../../gateway/io/resolver.ts";
import { openSip } from "../../../gateway/io/sip-transports.ts";

const HOST = "127.0.0.1";
/** An eighth of the ports a system gives: of twenty tries some would meet one. */
const HELD = 4_000;
const TRIES = 20;

function sip(port: number) {
  return openSip({
    at: { host: HOST, port },
    localHostFor: () => HOST,
    feed: () => {},
    resolver: new Resolver({ dns: systemDns, now: monotonicNow, chance: () => 0 }),
  });
}

test("any port is one that both UDP and TCP can have", async () => {
  const held = Array.from({ length: HELD }, () =>
    Bun.listen({ hostname: HOST, port: 0, socket: { data: () => {} } }),
  );
  const opened = [];
  try {
    for (let index = 0; index < TRIES; index++) opened.push(await sip(0));
    const ports = opened.map(({ port }) => port);
    expect(new Set(ports).size).toBe(TRIES);
    for (const port of ports) {
      const socket = await Bun.connect({ hostname: HOST, port, socket: { data: () => {} } });
      socket.end();
    }
  } finally {
    for (const one of opened) one.stop();
    for (const one of held) one.stop(true);
  }
}, 30_000);

test("a port that TCP can't have is told of, and UDP's half is free again", async () => {
  const other = Bun.listen({ hostname: HOST, port: 0, socket: { data: () => {} } });
  await expect(sip(other.port)).rejects.toThrow(`--sip ${HOST}:${other.port} can't be opened`);
  const socket = await Bun.udpSocket({ hostname: HOST, port: other.port });
  expect(socket.port).toBe(other.port);
  socket.close();
  other.stop(true);
});
