/**
 * What is heard and said: the devices a person chose, the other side's audio, the bell, and levels
 * for the meters.
 */
export interface Devices {
  readonly microphones: readonly MediaDeviceInfo[];
  /** Empty where the browser lets nobody choose. */
  readonly speakers: readonly MediaDeviceInfo[];
}

const KEPT = "phone-devices";
const BELL_HZ = [440, 480] as const;
/** RFC 3960 leaves the cadence to us: a second of ringing, two of quiet. */
const BELL_MS = 1_000;
const BELL_EVERY_MS = 3_000;
const BELL_GAIN = 0.08;

type Chosen = { microphone?: string; speaker?: string };

export class Sound {
  #chosen: Chosen = JSON.parse(localStorage.getItem(KEPT) ?? "{}") as Chosen;
  #context: AudioContext | undefined;
  #bell: ReturnType<typeof setInterval> | undefined;
  readonly #players = new Set<HTMLAudioElement>();

  get chosen(): Readonly<Chosen> {
    return this.#chosen;
  }

  /** What `getUserMedia` is asked for. */
  get microphone(): MediaTrackConstraints | true {
    const { microphone } = this.#chosen;
    return microphone === undefined ? true : { deviceId: { ideal: microphone } };
  }

  /** Their names are told only to a page that may use the microphone. */
  async devices(): Promise<Devices> {
    const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    const canChoose = "setSinkId" in HTMLMediaElement.prototype;
    return {
      microphones: all.filter(({ kind }) => kind === "audioinput"),
      speakers: canChoose ? all.filter(({ kind }) => kind === "audiooutput") : [],
    };
  }

  choose(chosen: Chosen): void {
    this.#chosen = { ...this.#chosen, ...chosen };
    localStorage.setItem(KEPT, JSON.stringify(this.#chosen));
    for (const player of this.#players) void this.#route(player);
  }

  /** Plays a call's audio until the returned function is called. */
  play(track: MediaStreamTrack): () => void {
    const player = new Audio();
    player.srcObject = new MediaStream([track]);
    player.autoplay = true;
    this.#players.add(player);
    void this.#route(player);
    return () => {
      player.srcObject = null;
      this.#players.delete(player);
    };
  }

  /** Rings until it is told not to. */
  ring(isRinging: boolean): void {
    if (isRinging === (this.#bell !== undefined)) return;
    clearInterval(this.#bell);
    this.#bell = isRinging ? setInterval(() => this.#strike(), BELL_EVERY_MS) : undefined;
    if (isRinging) this.#strike();
  }

  /** Reads a track's level, 0 to 1 on a scale ears would make, whenever it is asked. */
  levelOf(track: MediaStreamTrack): () => number {
    const context = this.#open();
    const analyser = new AnalyserNode(context, { fftSize: 512 });
    context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    return () => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, it) => sum + it * it, 0) / samples.length;
      // From -60 dB, which is silence, to -10 dB, which is loud.
      return Math.min(1, Math.max(0, (10 * Math.log10(power + 1e-9) + 60) / 50));
    };
  }

  #strike(): void {
    const context = this.#open();
    const until = context.currentTime + BELL_MS / 1_000;
    const gain = new GainNode(context, { gain: BELL_GAIN });
    gain.connect(context.destination);
    for (const frequency of BELL_HZ) {
      const tone = new OscillatorNode(context, { frequency });
      tone.connect(gain);
      tone.start();
      tone.stop(until);
    }
  }

  /** Browsers let a page make sounds once somebody has touched it. */
  #open(): AudioContext {
    this.#context ??= new AudioContext();
    if (this.#context.state === "suspended") void this.#context.resume();
    return this.#context;
  }

  async #route(player: HTMLAudioElement): Promise<void> {
    const { speaker } = this.#chosen;
    if (speaker === undefined || !("setSinkId" in player)) return;
    // A device that was taken away: the system's own is as good.
    await player.setSinkId(speaker).catch(() => {});
  }
}
