import { expect, test } from "bun:test";
import { RtpHeader, readHeader } from "../../../gateway/media/rtp/rtp-packet.ts";
import { Sender } from "../../../gateway/media/sender.ts";
import { seededRandom } from "./seeded-random.ts";

function sender() {
  const sent: RtpHeader[] = [];
  const made = new Sender(
    0xdecafbad,
    {
      transmit: (packet, length) => {
        const header = new RtpHeader();
        expect(readHeader(packet, length, header)).toBe(true);
        sent.push(header);
      },
    },
    seededRandom(4),
  );
  made.enabled = true;
  const send = (now: number) => made.sendAudio(new Uint8Array(160), 9, 160, 8_000, now);
  return { made, send, sent };
}

test("sequence and timestamp run on; the marker opens a talkspurt and no more", () => {
  const { made, send, sent } = sender();
  for (let now = 0; now < 60; now += 20) send(now);
  made.silence(8_000);
  send(1_060);
  const [first] = sent;
  if (!first) throw new Error("nothing sent");
  expect(sent.map(({ sequence }) => sequence - first.sequence)).toEqual([0, 1, 2, 3]);
  expect(sent.map(({ timestamp }) => (timestamp - first.timestamp) >>> 0)).toEqual([
    0, 160, 320, 8_480,
  ]);
  expect(sent.map(({ marker }) => marker)).toEqual([true, false, false, true]);
  expect(sent.every(({ ssrc }) => ssrc === 0xdecafbad)).toBe(true);
  expect(made.packetsSent).toBe(4);
  expect(made.octetsSent).toBe(640);
});

test("another source goes on where the clock is, not where the first one stopped", () => {
  const { made, send, sent } = sender();
  send(0);
  made.takeOver(8_000, 520);
  send(520);
  expect(((sent[1]?.timestamp ?? 0) - (sent[0]?.timestamp ?? 0)) >>> 0).toBe(160 + 4_000);
  expect(sent[1]?.marker).toBe(true);
});

test("while sending is off no packet goes and no number is used, but the clock runs", () => {
  const { made, send, sent } = sender();
  send(0);
  made.enabled = false;
  for (let now = 20; now < 100; now += 20) send(now);
  made.enabled = true;
  send(100);
  expect(sent.length).toBe(2);
  expect((sent[1]?.sequence ?? 0) - (sent[0]?.sequence ?? 0)).toBe(1);
  expect(((sent[1]?.timestamp ?? 0) - (sent[0]?.timestamp ?? 0)) >>> 0).toBe(5 * 160);
  expect(sent[1]?.marker).toBe(true);
});

test("a hole left for the receiver shows in sequence and timestamp, without a marker", () => {
  const { made, send, sent } = sender();
  send(0);
  made.leaveHole(2, 320);
  send(60);
  expect((sent[1]?.sequence ?? 0) - (sent[0]?.sequence ?? 0)).toBe(3);
  expect(((sent[1]?.timestamp ?? 0) - (sent[0]?.timestamp ?? 0)) >>> 0).toBe(480);
  expect(sent[1]?.marker).toBe(false);
});
