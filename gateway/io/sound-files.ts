/**
 * The WAV files of the data directory's `sounds`, as sound for calls. A file is read when it is
 * first wanted, and again when it has changed; meanwhile a call hears silence, and a tone where there
 * is no such file or it is no good. Above: a media worker. Below: the file system.
 */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { SOUND_BYTES_MAX, SOUNDS_MAX } from "../limits.ts";
import type { Source } from "../media/sound-file.ts";

export interface SoundFilesOptions {
  directory: string;
  now: () => number;
  /** What the file's bytes are, in slices; throws with a reason where they are no sound. */
  convert: (bytes: Uint8Array) => Generator<undefined, Int16Array>;
  /** A player of the samples, from their beginning. */
  play: (samples: Int16Array) => Source;
  /** Told once for each file and what is wrong with it, in a sentence. */
  unplayable: (name: string, reason: string) => void;
}

interface Entry {
  samples: Int16Array | undefined;
  /** Milliseconds of the file system's clock; undefined before it was read. */
  changed: number | undefined;
  lookedAt: number;
  isLooking: boolean;
  problem: string | undefined;
}

const LOOK_AGAIN_MS = 2_000;
/** How long a conversion keeps the worker from its calls at a time. */
const STRETCH_MS = 4;

export class SoundFiles {
  readonly #options: SoundFilesOptions;
  readonly #entries = new Map<string, Entry>();
  /** The last of the conversions: one at a time, or each turn of the loop had a slice of each. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: SoundFilesOptions) {
    this.#options = options;
  }

  /** The file of that name from its beginning; `otherwise` where it can't be played. */
  open(name: string, otherwise: Source): Source {
    const entry = this.#entry(name);
    const { play } = this.#options;
    let player: Source | undefined;
    /** For how long nothing was known: what is played once lasts so much longer. */
    let silentMs = 0;
    return {
      get durationMs() {
        const heard = player ?? (entry.problem ? otherwise : undefined);
        return heard?.durationMs === undefined ? undefined : silentMs + heard.durationMs;
      },
      sound: (pcm, first, sampleRate) => {
        if (!player && entry.samples) player = play(entry.samples);
        const heard = player ?? (entry.problem ? otherwise : undefined);
        if (heard) heard.sound(pcm, first - (silentMs * sampleRate) / 1_000, sampleRate);
        else {
          pcm.fill(0);
          silentMs += (pcm.length * 1_000) / sampleRate;
        }
      },
    };
  }

  /** Reads what is there now, so that the first who is held hears it at once. */
  async prepare(): Promise<void> {
    const names = await readdir(this.#options.directory).catch(() => []);
    const sounds = names.filter((name) => /\.wav$/i.test(name)).slice(0, SOUNDS_MAX);
    for (const name of sounds) this.#entry(name);
  }

  #entry(name: string): Entry {
    const known = this.#entries.get(name);
    const entry = known ?? {
      samples: undefined,
      changed: undefined,
      lookedAt: -Infinity,
      isLooking: false,
      problem: undefined,
    };
    // The one wanted last is the last to go.
    this.#entries.delete(name);
    this.#entries.set(name, entry);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > SOUNDS_MAX && oldest !== undefined) this.#entries.delete(oldest);
    if (!entry.isLooking && this.#options.now() - entry.lookedAt > LOOK_AGAIN_MS) {
      entry.isLooking = true;
      void this.#look(name, entry);
    }
    return entry;
  }

  /** Once those before are done, however they ended. */
  #inTurn(work: () => Promise<Int16Array>): Promise<Int16Array> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  async #read(path: string): Promise<Int16Array> {
    const slices = this.#options.convert(await readFile(path));
    for (;;) {
      const untilAt = this.#options.now() + STRETCH_MS;
      do {
        const slice = slices.next();
        if (slice.done) return slice.value;
      } while (this.#options.now() < untilAt);
      await Bun.sleep(0);
    }
  }

  async #look(name: string, entry: Entry): Promise<void> {
    const path = join(this.#options.directory, name);
    try {
      const { mtimeMs, size } = await stat(path);
      if (mtimeMs !== entry.changed) {
        if (size > SOUND_BYTES_MAX) throw new Error(`it has more than ${SOUND_BYTES_MAX} bytes`);
        entry.samples = await this.#inTurn(() => this.#read(path));
        entry.changed = mtimeMs;
      }
      entry.problem = undefined;
    } catch (error) {
      const reason = reasonOf(error);
      entry.samples = undefined;
      entry.changed = undefined;
      if (entry.problem !== reason) this.#options.unplayable(name, reason);
      entry.problem = reason;
    }
    entry.isLooking = false;
    entry.lookedAt = this.#options.now();
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") {
    return "there is no such file in the data directory's folder sounds";
  }
  return error instanceof Error ? error.message : String(error);
}
