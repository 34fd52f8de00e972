/** SRTP of a 20 ms packet in every profile, one way there and back, as a media worker has it. */
import { systemRandom } from "../../gateway/io/random.ts";
import { openSystemCipher } from "../../gateway/io/system-cipher.ts";
import { writeHeader } from "../../gateway/media/rtp/rtp-packet.ts";
import { SRTP_PROFILES } from "../../gateway/media/srtp/profiles.ts";
import { SrtpReceiver, SrtpSender } from "../../gateway/media/srtp/srtp-context.ts";
import { choosePacketCipher, nodeCipher } from "../../gateway/packet-cipher.ts";
import type { MicroResult } from "./micro.ts";
import { timed } from "./timing.ts";

/** 20 ms of G.722 or G.711. */
const PAYLOAD_BYTES = 160;

export function srtpResults(): MicroResult[] {
  choosePacketCipher(openSystemCipher() ?? nodeCipher);
  return SRTP_PROFILES.flatMap((profile) => {
    const key = systemRandom.bytes(profile.keyBytes);
    const salt = systemRandom.bytes(profile.saltBytes);
    const buffer = new Uint8Array(1_500);
    const write = (sequence: number) =>
      writeHeader(buffer, {
        payloadType: 111,
        marker: false,
        sequence: sequence & 0xffff,
        timestamp: 0,
        ssrc: 1,
      }) + PAYLOAD_BYTES;
    const sender = new SrtpSender(profile, key, salt);
    let sequence = 0;
    const protect = timed(() => {
      if (sender.protect(buffer, write(sequence)) === 0) throw new Error("SRTP refused a packet");
      sequence += 1;
    });
    // What is protected can be opened once; so both are timed together, and one taken off.
    const [there, back] = [
      new SrtpSender(profile, key, salt),
      new SrtpReceiver(profile, key, salt),
    ];
    let next = 0;
    const both = timed(() => {
      const length = there.protect(buffer, write(next));
      if (back.unprotect(buffer, length) < 0) throw new Error("SRTP did not open its own packet");
      next += 1;
    });
    const off = (value: number) => Math.max(0, value - protect.median);
    return [
      { name: `SRTP protect, ${profile.suite}`, ours: protect },
      {
        name: `SRTP unprotect, ${profile.suite}`,
        ours: { median: off(both.median), min: off(both.min), max: off(both.max) },
      },
    ];
  });
}
