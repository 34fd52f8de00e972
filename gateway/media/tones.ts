/**
 * Tones as PCM: what a telephone network plays (ITU-T E.180: 425 Hz, the cadence of most of Europe)
 * and the two frequencies of each key (ITU-T Q.23). Above: the announcer. Below nothing.
 */
import type { ToneName } from "./protocol.ts";
import type { Source } from "./sound-file.ts";

/** Sines that sound together, with what each adds to the wave: 1 is full scale. */
interface Voice {
  readonly hertz: number;
  readonly amplitude: number;
}

export interface Tone {
  readonly voices: readonly Voice[];
  /** On, off, on, off …, milliseconds; repeated. Empty: on for ever. */
  readonly cadenceMs: readonly number[];
  /** The voices sound one after the other, one in each time the cadence is on. */
  readonly isSequence?: true;
}

/** -13 dBm0, where 3.14 dBm0 is the loudest sine (ITU-T G.711 §4). */
const TONE_AMPLITUDE = 0.156;
/** A tone of two frequencies has the same power: each 3 dB less. */
const PAIR_AMPLITUDE = 0.11;
/** -23 dBm0: heard every few seconds, it should not startle. */
const HOLD_AMPLITUDE = 0.049;

function callProgress(hertz: readonly number[], cadenceMs: readonly number[]): Tone {
  const amplitude = hertz.length > 1 ? PAIR_AMPLITUDE : TONE_AMPLITUDE;
  return { voices: hertz.map((each) => ({ hertz: each, amplitude })), cadenceMs };
}

/** What most of Europe hears. */
export const TONES: Readonly<Record<ToneName, Tone>> = {
  ringback: callProgress([425], [1_000, 4_000]),
  busy: callProgress([425], [500, 500]),
  congestion: callProgress([425], [250, 250]),
  information: {
    voices: [950, 1_400, 1_800].map((hertz) => ({ hertz, amplitude: TONE_AMPLITUDE })),
    cadenceMs: [330, 0, 330, 0, 330, 1_000],
    isSequence: true,
  },
  hold: { voices: [{ hertz: 425, amplitude: HOLD_AMPLITUDE }], cadenceMs: [150, 150, 150, 5_550] },
  silence: { voices: [], cadenceMs: [] },
};

const AMERICA: Partial<Record<ToneName, Tone>> = {
  ringback: callProgress([440, 480], [2_000, 4_000]),
  busy: callProgress([480, 620], [500, 500]),
  congestion: callProgress([480, 620], [250, 250]),
};

/** Where it differs (ITU-T E.180, supplement 2). */
const BY_COUNTRY: Readonly<Record<string, Partial<Record<ToneName, Tone>>>> = {
  AT: { ringback: callProgress([420], [1_000, 5_000]), busy: callProgress([420], [400, 400]) },
  BE: {
    ringback: callProgress([425], [1_000, 3_000]),
    congestion: callProgress([425], [167, 167]),
  },
  CA: AMERICA,
  CH: { congestion: callProgress([425], [200, 200]) },
  DE: { busy: callProgress([425], [480, 480]), congestion: callProgress([425], [240, 240]) },
  ES: { ringback: callProgress([425], [1_500, 3_000]), busy: callProgress([425], [200, 200]) },
  FR: {
    ringback: callProgress([440], [1_500, 3_500]),
    busy: callProgress([440], [500, 500]),
    congestion: callProgress([440], [250, 250]),
  },
  GB: {
    ringback: callProgress([400, 450], [400, 200, 400, 2_000]),
    busy: callProgress([400], [375, 375]),
    congestion: callProgress([400], [400, 350, 225, 525]),
  },
  IT: { congestion: callProgress([425], [200, 200]) },
  SE: {
    ringback: callProgress([425], [1_000, 5_000]),
    busy: callProgress([425], [250, 250]),
    congestion: callProgress([425], [250, 750]),
  },
  US: AMERICA,
};

/** The tone as the country has it (ISO 3166, two letters, either case). */
export function toneOf(name: ToneName, country = ""): Tone {
  return BY_COUNTRY[country.toUpperCase()]?.[name] ?? TONES[name];
}

/** DTM-04: the lower group at -8, the upper at -6 dBm0, so that both sound alike over a long line. */
const LOW_AMPLITUDE = 0.277;
const HIGH_AMPLITUDE = 0.349;
export const KEY_ROWS_HZ = [697, 770, 852, 941];
export const KEY_COLUMNS_HZ = [1_209, 1_336, 1_477, 1_633];
export const KEYPAD = ["123A", "456B", "789C", "*0#D"];

/** The tone of a key; undefined for what is no key of the pad. */
export function keyTone(digit: string): Tone | undefined {
  const row = KEYPAD.findIndex((keys) => digit.length === 1 && keys.includes(digit));
  const low = KEY_ROWS_HZ[row];
  const high = KEY_COLUMNS_HZ[KEYPAD[row]?.indexOf(digit) ?? -1];
  if (low === undefined || high === undefined) return undefined;
  const voices = [
    { hertz: low, amplitude: LOW_AMPLITUDE },
    { hertz: high, amplitude: HIGH_AMPLITUDE },
  ];
  return { voices, cadenceMs: [] };
}

/** A tone where it is played once is heard for so long: long enough to be known. */
const ONCE_MS = 4_000;

/** A tone as a source. */
export function toneSource(tone: Tone): Source {
  return {
    durationMs: ONCE_MS,
    sound: (pcm, first, sampleRate) => sound(tone, pcm, first, sampleRate),
  };
}

/** Fills `pcm` with the tone from its sample `first` on. */
export function sound(tone: Tone, pcm: Int16Array, first: number, sampleRate: number): void {
  const { voices, cadenceMs, isSequence } = tone;
  const period = cadenceMs.reduce((sum, ms) => sum + ms, 0) * (sampleRate / 1_000);
  for (let index = 0; index < pcm.length; index++) {
    const at = first + index;
    let wave = 0;
    const turn = period === 0 ? 0 : turnAt(cadenceMs, at % period, sampleRate);
    for (let voice = 0; turn !== undefined && voice < voices.length; voice++) {
      const { hertz, amplitude } = voices[voice] ?? SILENT;
      if (isSequence && voice !== turn % voices.length) continue;
      wave += amplitude * Math.sin((2 * Math.PI * hertz * at) / sampleRate);
    }
    pcm[index] = Math.round(wave * 32_767);
  }
}

const SILENT: Voice = { hertz: 0, amplitude: 0 };

/** Which time of the cadence it is on; undefined where it is off. */
function turnAt(cadenceMs: readonly number[], at: number, sampleRate: number): number | undefined {
  let end = 0;
  for (let index = 0; index < cadenceMs.length; index++) {
    end += ((cadenceMs[index] ?? 0) * sampleRate) / 1_000;
    if (at < end) return index % 2 === 0 ? index / 2 : undefined;
  }
  return undefined;
}
