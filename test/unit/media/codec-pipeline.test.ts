/** Packets of every length in, packets of every length out, through a codec and without one. */
import { describe, expect, test } from "bun:test";
import type { Codec, CodecName } from "../../../gateway/media/protocol.ts";
import { RtpHeader, readHeader } from "../../../gateway/media/rtp/rtp-packet.ts";
import { Sender } from "../../../gateway/media/sender.ts";
import { Transcoder } from "../../../gateway/media/transcoder.ts";
import { AMPLITUDE, codecs, decodeAll, opus, rateOf, trunkCodecs } from "../../sim/media-call.ts";
import { seededRandom } from "../../sim/random.ts";
import { decibels, levelOf, sine } from "./tone.ts";

const all: Record<CodecName, Codec> = { opus, ...trunkCodecs };
const names = Object.keys(all) as CodecName[];
const PTIMES = [10, 20, 30, 40, 60];
/** Opus has packets of 30 ms only as three frames of 10 in one; nobody sends those. */
const ptimesOf = (name: CodecName) => PTIMES.filter((it) => name !== "opus" || it !== 30);

/** Payloads of a tone, `ptimeMs` each. */
function encoded(codec: Codec, ptimeMs: number, durationMs: number): Uint8Array[] {
  const rate = rateOf(codec);
  const encoder = codecs.encoder(codec.name, rate);
  const pcm = sine(440, rate, durationMs, AMPLITUDE);
  const frame = (rate * ptimeMs) / 1_000;
  const payloads = Array.from({ length: Math.floor(pcm.length / frame) }, (_, index) =>
    encoder.encode(pcm.subarray(index * frame, (index + 1) * frame)).slice(),
  );
  encoder.close();
  return payloads;
}

interface Sent {
  header: RtpHeader;
  payload: Uint8Array;
}

/** What comes out for `payloads`; an undefined one is lost, a null one is silence. */
function through(
  input: Codec,
  output: Codec,
  payloads: readonly (Uint8Array | undefined | null)[],
  inputPtimeMs: number,
): Sent[] {
  const sent: Sent[] = [];
  const transmit = (packet: Uint8Array, length: number) => {
    const header = new RtpHeader();
    if (!readHeader(packet, length, header)) throw new Error("no RTP");
    sent.push({ header, payload: packet.slice(header.payloadOffset, length) });
  };
  const sender = new Sender(1, { transmit }, seededRandom(5));
  sender.enabled = true;
  const transcoder = new Transcoder({
    codecs,
    input: { codec: input, receive: [input], direction: "sendrecv" },
    output: { codec: output, receive: [output], direction: "sendrecv" },
    sender,
    digits: { digit: () => {} },
    wake: () => {},
    overspent: () => {},
  });
  const ticks = (input.clockRate * inputPtimeMs) / 1_000;
  const header = Object.assign(new RtpHeader(), { payloadType: input.payloadType, ssrc: 2 });
  let lost = 0;
  payloads.forEach((payload, index) => {
    if (payload) {
      const { length } = payload;
      Object.assign(header, { timestamp: index * ticks, payloadOffset: 0, payloadLength: length });
      transcoder.packet(payload, header, lost, index * inputPtimeMs);
      lost = 0;
    } else if (payload === undefined) lost += 1;
  });
  transcoder.close(1_000);
  return sent;
}

for (const from of names) {
  test(`${from} of 10 to 60 ms to each codec in packets of 10 to 60 ms`, () => {
    for (const to of names) {
      for (const inputMs of ptimesOf(from)) {
        const payloads = encoded(all[from], inputMs, 600);
        for (const outputMs of ptimesOf(to)) {
          const output = { ...all[to], ptimeMs: outputMs };
          const sent = through(all[from], output, payloads, inputMs);
          const ticks = (output.clockRate * outputMs) / 1_000;
          const [first] = sent;
          sent.forEach(({ header, payload }, index) => {
            expect(header.marker).toBe(index === 0);
            expect((header.timestamp - (first?.header.timestamp ?? 0)) >>> 0).toBe(index * ticks);
            if (to !== "opus") expect(payload.length).toBe(ticks);
          });
          expect(sent.length).toBe(Math.floor((payloads.length * inputMs) / outputMs));
          const pcm = decodeAll(
            output,
            sent.map(({ payload }) => payload),
          );
          expect(pcm.length).toBe((sent.length * outputMs * rateOf(output)) / 1_000);
          expect(Math.abs(decibels(levelOf(pcm, 440, rateOf(output)), AMPLITUDE))).toBeLessThan(1);
        }
      }
    }
  });
}

describe("without a codec", () => {
  const bytes = (parts: readonly Uint8Array[]) => Buffer.concat(parts).toString("hex");

  test("octets are cut anew, none is changed", () => {
    for (const name of ["G722", "PCMA", "PCMU"] as const) {
      for (const inputMs of PTIMES) {
        const payloads = encoded(all[name], inputMs, 600);
        for (const ptimeMs of PTIMES) {
          const sent = through(all[name], { ...all[name], ptimeMs }, payloads, inputMs);
          const heard = bytes(sent.map(({ payload }) => payload));
          expect(bytes(payloads).startsWith(heard)).toBe(true);
          expect(heard.length).toBeGreaterThan(2 * 8 * (600 - inputMs - ptimeMs));
        }
      }
    }
  });

  test("a loss stays a hole in its place, for the receiver to conceal", () => {
    const payloads = encoded(trunkCodecs.G722, 20, 600);
    const lossy = payloads.map((payload, index) => (index === 10 ? undefined : payload));
    const sent = through(trunkCodecs.G722, { ...trunkCodecs.G722, ptimeMs: 30 }, lossy, 20);
    const [first] = sent;
    let hole = 0;
    sent.forEach(({ header, payload }, index) => {
      const at = (header.timestamp - (first?.header.timestamp ?? 0)) >>> 0;
      // Each octet is where it was: its place in the stream says which packet it came in.
      const source = bytes(payloads);
      expect(source.slice(2 * at, 2 * (at + payload.length))).toBe(bytes([payload]));
      const before = sent[index - 1];
      if (!before) return;
      const step = (header.sequence - before.header.sequence) & 0xffff;
      if (step > 1) hole += 1;
      expect(at - ((before.header.timestamp - (first?.header.timestamp ?? 0)) >>> 0)).toBe(
        before.payload.length + (step > 1 ? 160 : 0),
      );
    });
    expect(hole).toBe(1);
  });

  test("silence ends the open packet; nothing said before it waits for what comes after", () => {
    const payloads = encoded(trunkCodecs.PCMA, 20, 600);
    const paused = payloads.map((payload, index) => (index >= 10 && index < 20 ? null : payload));
    for (const output of [trunkCodecs.PCMA, trunkCodecs.PCMU]) {
      const sent = through(trunkCodecs.PCMA, { ...output, ptimeMs: 60 }, paused, 20);
      const [first] = sent;
      const resumed = sent.findIndex(({ header }, index) => index > 0 && header.marker);
      const before = sent.slice(0, resumed);
      expect(before.reduce((sum, { payload }) => sum + payload.length, 0)).toBeGreaterThanOrEqual(
        10 * 160,
      );
      const at = ((sent[resumed]?.header.timestamp ?? 0) - (first?.header.timestamp ?? 0)) >>> 0;
      expect(at).toBe(20 * 160);
    }
  });

  test("Opus packets of another length are coded anew, in full width", () => {
    const rate = 16_000;
    const encoder = codecs.encoder("opus", rate);
    const pcm = sine(5_000, rate, 600, AMPLITUDE);
    const payloads = Array.from({ length: 10 }, (_, index) =>
      encoder.encode(pcm.subarray(index * 960, (index + 1) * 960)).slice(),
    );
    const sent = through(opus, opus, payloads, 60);
    expect(sent.length).toBe(30);
    const heard = decodeAll(
      opus,
      sent.map(({ payload }) => payload),
    );
    expect(Math.abs(decibels(levelOf(heard, 5_000, rate), AMPLITUDE))).toBeLessThan(1.5);
  });
});
