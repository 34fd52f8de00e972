/**
 * The fast Fourier transform and what measuring needs of it: correlation of long signals at every
 * lag, and power spectra. Above: align.ts, compare.ts. Below nothing.
 */

/** Transforms in place; the length is a power of two. Forward and unscaled. */
export function transform(real: Float64Array, imaginary: Float64Array): void {
  const { length } = real;
  permute(real, imaginary);
  const { cosines, sines } = turnsOf(length);
  for (let size = 2; size <= length; size *= 2) {
    const half = size / 2;
    const stride = length / size;
    for (let start = 0; start < length; start += size) {
      for (let offset = 0; offset < half; offset++) {
        const cosine = cosines[offset * stride] ?? 0;
        const sine = sines[offset * stride] ?? 0;
        const even = start + offset;
        const odd = even + half;
        const oddReal = real[odd] ?? 0;
        const oddImaginary = imaginary[odd] ?? 0;
        const turnedReal = oddReal * cosine - oddImaginary * sine;
        const turnedImaginary = oddReal * sine + oddImaginary * cosine;
        real[odd] = (real[even] ?? 0) - turnedReal;
        imaginary[odd] = (imaginary[even] ?? 0) - turnedImaginary;
        real[even] = (real[even] ?? 0) + turnedReal;
        imaginary[even] = (imaginary[even] ?? 0) + turnedImaginary;
      }
    }
  }
}

interface Turns {
  cosines: Float64Array;
  sines: Float64Array;
}

const turns = new Map<number, Turns>();

/** The first half of a circle in `length` steps a circle, clockwise. */
function turnsOf(length: number): Turns {
  let made = turns.get(length);
  if (!made) {
    const angles = Float64Array.from(
      { length: length / 2 },
      (_, at) => (-2 * Math.PI * at) / length,
    );
    made = { cosines: angles.map(Math.cos), sines: angles.map(Math.sin) };
    turns.set(length, made);
  }
  return made;
}

/**
 * Cross-correlation at every lag: element `lag + b.length - 1` is the sum of a[i + lag] * b[i], for
 * lags from -(b.length - 1) to a.length - 1.
 */
export function correlate(a: Float64Array, b: Float64Array): Float64Array {
  const length = a.length + b.length - 1;
  const size = 2 ** Math.ceil(Math.log2(Math.max(2, length)));
  // Both at once: a is the real part, b turned round the imaginary one.
  const real = new Float64Array(size);
  const imaginary = new Float64Array(size);
  real.set(a);
  for (let index = 0; index < b.length; index++) imaginary[index] = b[b.length - 1 - index] ?? 0;
  transform(real, imaginary);
  const productReal = new Float64Array(size);
  const productImaginary = new Float64Array(size);
  for (let index = 0; index < size; index++) {
    const mirror = (size - index) % size;
    const zReal = real[index] ?? 0;
    const zImaginary = imaginary[index] ?? 0;
    const mReal = real[mirror] ?? 0;
    const mImaginary = imaginary[mirror] ?? 0;
    // A * B = (Z² - conj(Zm)²) / 4i; conjugated, so that a forward transform inverts it.
    const differenceReal = zReal ** 2 - zImaginary ** 2 - (mReal ** 2 - mImaginary ** 2);
    const differenceImaginary = 2 * zReal * zImaginary + 2 * mReal * mImaginary;
    productReal[index] = differenceImaginary / 4;
    productImaginary[index] = differenceReal / 4;
  }
  transform(productReal, productImaginary);
  return Float64Array.from({ length }, (_, index) => (productReal[index] ?? 0) / size);
}

/** Power of `wave` from `start` in bins of sampleRate / size, under a Hann window. */
export function powerSpectrum(wave: Float64Array, start: number, size: number): Float64Array {
  const real = new Float64Array(size);
  const imaginary = new Float64Array(size);
  for (let index = 0; index < size; index++) {
    const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * index) / size);
    real[index] = (wave[start + index] ?? 0) * window;
  }
  transform(real, imaginary);
  return Float64Array.from(
    { length: size / 2 + 1 },
    (_, bin) => (real[bin] ?? 0) ** 2 + (imaginary[bin] ?? 0) ** 2,
  );
}

/** Puts each element where its index with reversed bits says. */
function permute(real: Float64Array, imaginary: Float64Array): void {
  const { length } = real;
  let reversed = 0;
  for (let index = 1; index < length; index++) {
    let bit = length >> 1;
    for (; reversed & bit; bit >>= 1) reversed ^= bit;
    reversed ^= bit;
    if (index >= reversed) continue;
    const swappedReal = real[index] ?? 0;
    const swappedImaginary = imaginary[index] ?? 0;
    real[index] = real[reversed] ?? 0;
    imaginary[index] = imaginary[reversed] ?? 0;
    real[reversed] = swappedReal;
    imaginary[reversed] = swappedImaginary;
  }
}
