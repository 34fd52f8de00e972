/**
 * Row M11: a sender whose clock is 200 ppm off, for an hour. The packet is the clock: each one goes
 * on in the moment it comes, so nothing fills up or runs dry, and there is nothing to splice.
 */
import { expect, test } from "bun:test";
import { Receiver } from "../../gateway/media/receiver.ts";
import { RtpHeader, readHeader } from "../../gateway/media/rtp/rtp-packet.ts";
import { Sender } from "../../gateway/media/sender.ts";
import { Transcoder } from "../../gateway/media/transcoder.ts";
import { G711Decoder, G711Encoder } from "../../media-wasm/g711/g711.ts";
import { scaled } from "../rigs/scale.ts";
import { codecs, encodeTone, trunkCodecs } from "./media-call.ts";
import { seededRandom } from "./random.ts";

const { PCMA, PCMU } = trunkCodecs;
const HOUR_PACKETS = 180_000;

for (const ppm of [200, -200]) {
  test(`M11: ${ppm} ppm for an hour, with jitter: every octet, at once, no step and no splice`, () => {
    const count = scaled(`M11 ${ppm} ppm, packets of 20 ms`, HOUR_PACKETS, 0.15);
    const random = seededRandom(11);
    const payloads = encodeTone(PCMA, 437, 1_000, 9_000);
    const decoder = new G711Decoder("PCMA");
    const encoder = new G711Encoder("PCMU");
    const expected = payloads.map((it) => encoder.encode(decoder.decode(it)).slice());

    const header = new RtpHeader();
    let sentAt = -1;
    let sent = 0;
    let first = { sequence: 0, timestamp: 0 };
    const transmit = (packet: Uint8Array, length: number, now: number) => {
      if (!readHeader(packet, length, header)) throw new Error("no RTP");
      if (sent === 0) first = { sequence: header.sequence, timestamp: header.timestamp };
      const step = (header.timestamp - first.timestamp) >>> 0;
      const isNext = ((header.sequence - first.sequence) & 0xffff) === (sent & 0xffff);
      if (step !== 160 * sent || !isNext || header.marker !== (sent === 0)) {
        throw new Error(`packet ${sent}: step ${step}, sequence ${header.sequence}`);
      }
      const wanted = expected[sent % expected.length] ?? new Uint8Array(0);
      for (let index = 0; index < 160; index++) {
        if (packet[12 + index] !== wanted[index]) throw new Error(`packet ${sent}: octet ${index}`);
      }
      sent += 1;
      sentAt = now;
    };
    const sender = new Sender(1, { transmit }, random);
    sender.enabled = true;
    const format = { direction: "sendrecv" } as const;
    const transcoder = new Transcoder({
      codecs,
      input: { codec: PCMA, receive: [PCMA], ...format },
      output: { codec: PCMU, receive: [PCMU], ...format },
      sender,
      digits: { digit: () => {} },
      wake: () => {},
      overspent: () => {},
    });
    const receiver = new Receiver(transcoder);
    const incoming = Object.assign(new RtpHeader(), { payloadType: 8, ssrc: 5, payloadOffset: 0 });
    for (let index = 0; index < count; index++) {
      // True time: the sender's 20 ms are a little shorter or longer, and the network adds its own.
      const now = index * 20 * (1 - ppm / 1e6) + random.fraction() * 15;
      const payload = payloads[index % payloads.length] ?? new Uint8Array(0);
      incoming.sequence = index & 0xffff;
      incoming.timestamp = (4_294_900_000 + 160 * index) >>> 0;
      incoming.payloadLength = payload.length;
      receiver.receive(payload, payload.length, incoming, now);
      expect(sent).toBe(index + 1);
      if (sentAt !== now) throw new Error(`packet ${index} waited for ${sentAt - now} ms`);
    }
    transcoder.close(0);
  });
}
