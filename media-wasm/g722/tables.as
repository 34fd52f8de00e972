/**
 * The tables of ITU-T G.722 (09/2012), §5 and §6, folded where two of them are always used one
 * after the other. Static data: nothing is allocated.
 */

/** Table 11 (QMF), as one row for each of the two sums over 24 interleaved samples. */
// Sum of the bands: h0, h11, h1, h10 …; difference: -h0, h11, -h1, h10 …
export const QMF_LOW: usize = memory.data<i16>(
  [3, -11, -11, 53, 12, -156, 32, 362, -210, -805, 951, 3876, 3876, 951, -805, -210, 362, 32, -156, 12, 53, -11, -11, 3],
  16,
);
export const QMF_HIGH: usize = memory.data<i16>(
  [-3, -11, 11, 53, -12, -156, -32, 362, 210, -805, -951, 3876, -3876, 951, 805, -210, -362, 32, 156, 12, -53, -11, 11, 3],
  16,
);
/** The same filter for synthesis: first (older) and second sample of a pair. */
export const QMF_FIRST: usize = memory.data<i16>(
  [0, -11, 0, 53, 0, -156, 0, 362, 0, -805, 0, 3876, 0, 951, 0, -210, 0, 32, 0, 12, 0, -11, 0, 3],
  16,
);
export const QMF_SECOND: usize = memory.data<i16>(
  [3, 0, -11, 0, 12, 0, 32, 0, -210, 0, 951, 0, 3876, 0, -805, 0, 362, 0, -156, 0, 53, 0, -11, 0],
  16,
);

/** Decision levels of the 6-bit quantizer (block QUANTL); the first is never compared. */
export const DECISION_LEVELS: usize = memory.data<i16>([
  0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023,
  1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
]);

/** Code words for negative and positive differences, by interval 1 to 30. */
export const CODES_NEGATIVE: usize = memory.data<u8>([
  0, 63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10,
  9, 8, 7, 6, 5, 4,
]);
export const CODES_POSITIVE: usize = memory.data<u8>([
  0, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38,
  37, 36, 35, 34, 33, 32,
]);

/** Output levels of the 4-bit (QQ4) and 6-bit (QQ6) inverse quantizers, by code word. */
export const LEVELS_4: usize = memory.data<i16>([
  0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200,
  0,
]);
export const LEVELS_6: usize = memory.data<i16>([
  -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232,
  -9360, -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400,
  -2032, -1688, -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232,
  9360, 8576, 7856, 7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688,
  1360, 1040, 728, 432, 136, -432, -136,
]);
/** Output levels of the 2-bit quantizer of the higher band. */
export const LEVELS_2: usize = memory.data<i16>([-7408, -1616, 7408, 1616]);

/** Log scale factor multipliers: WL by RL42 of the 4-bit code, WH by RH2 of the 2-bit code. */
export const LOG_STEPS_LOW: usize = memory.data<i16>([
  -60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60,
]);
export const LOG_STEPS_HIGH: usize = memory.data<i16>([798, -214, 798, -214]);

/** ILB: the fractional part of the antilogarithm (blocks SCALEL and SCALEH). */
export const ANTILOGARITHM: usize = memory.data<i16>([
  2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
  2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
]);
