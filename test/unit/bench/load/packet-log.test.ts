import { expect, test } from "bun:test";
import { PacketLog } from "../../../../bench/load/packet-log.ts";

test("packets come out as they went in, however many", () => {
  const log = new PacketLog();
  const packets = Array.from({ length: 2_000 }, (_, index) =>
    new Uint8Array(1 + (index % 90)).fill(index),
  );
  for (const [at, packet] of packets.entries()) log.add(packet, at);
  expect(log.count).toBe(packets.length);
  for (const [at, packet] of packets.entries()) {
    expect(log.packet(at)).toEqual(packet);
    expect(log.timeOf(at)).toBe(at);
  }
});
