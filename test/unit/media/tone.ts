/** Tones to send and to find again: a sine, and its level by a single-bin Fourier transform. */

/** `amplitude` is the peak, 0 to 32767. */
export function sine(
  hertz: number,
  sampleRate: number,
  durationMs: number,
  amplitude: number,
): Int16Array {
  const samples = Math.round((sampleRate * durationMs) / 1_000);
  return Int16Array.from({ length: samples }, (_, index) =>
    Math.round(amplitude * Math.sin((2 * Math.PI * hertz * index) / sampleRate)),
  );
}

/** Peak amplitude of `hertz` in the middle 80 % of `pcm`. */
export function levelOf(pcm: Int16Array, hertz: number, sampleRate: number): number {
  const skip = Math.floor(pcm.length / 10);
  let real = 0;
  let imaginary = 0;
  let weight = 0;
  for (let index = skip; index < pcm.length - skip; index++) {
    const window = Math.sin((Math.PI * (index - skip)) / (pcm.length - 2 * skip)) ** 2;
    const phase = (2 * Math.PI * hertz * index) / sampleRate;
    real += window * (pcm[index] ?? 0) * Math.cos(phase);
    imaginary += window * (pcm[index] ?? 0) * Math.sin(phase);
    weight += window;
  }
  return (2 * Math.hypot(real, imaginary)) / weight;
}

/** Root of the mean square of the middle 80 %: all that sounds, not the tone alone. */
export function rootMeanSquare(pcm: Int16Array): number {
  const skip = Math.floor(pcm.length / 10);
  let sum = 0;
  for (let index = skip; index < pcm.length - skip; index++) sum += (pcm[index] ?? 0) ** 2;
  return Math.sqrt(sum / (pcm.length - 2 * skip));
}

/** How far `level` is from `reference`, in decibels. */
export function decibels(level: number, reference: number): number {
  return 20 * Math.log10(level / reference);
}
