/**
 * How long an Opus packet lasts, from its first two bytes: RFC 6716 §3.1 and §3.2. Needed where no
 * decoder runs (bridging) and before one does. Above: the transcoder. Below nothing.
 */

/** In 1/48000 s: SILK configurations 0 to 11, hybrid 12 to 15, CELT 16 to 31, four or two each. */
const SILK_FRAME_TICKS = [480, 960, 1_920, 2_880];
const HYBRID_FRAME_TICKS = [480, 960];
const CELT_FRAME_TICKS = [120, 240, 480, 960];
/** §3.2.5, requirement R5: at most 120 ms. */
const PACKET_TICKS_MAX = 5_760;

/** Duration of buffer[offset..offset + length) in ticks of 48 kHz; 0 where it is malformed. */
export function opusTicks(buffer: Uint8Array, offset: number, length: number): number {
  if (length < 1) return 0;
  const first = buffer[offset] ?? 0;
  const configuration = first >> 3;
  const frame =
    configuration < 12
      ? SILK_FRAME_TICKS[configuration & 3]
      : configuration < 16
        ? HYBRID_FRAME_TICKS[configuration & 1]
        : CELT_FRAME_TICKS[configuration & 3];
  const ticks = (frame ?? 0) * frameCount(first & 3, buffer, offset, length);
  return ticks <= PACKET_TICKS_MAX ? ticks : 0;
}

function frameCount(code: number, buffer: Uint8Array, offset: number, length: number): number {
  if (code === 0) return 1;
  if (code < 3) return 2;
  return length < 2 ? 0 : (buffer[offset + 1] ?? 0) & 0x3f;
}
