/**
 * The gateway's own softphone page as somebody uses it, in Chromium: a tone for a microphone, clicks
 * on what the page shows, and ears on whatever audio the page plays.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { tone } from "../../bench/audio/signal.ts";
import { type Audio, writeWav } from "../../bench/audio/wav.ts";
import type { Ear } from "./listening.ts";

/** In the page: remembers the streams that elements play, so that only what is played is heard. */
const LISTEN_TO_PLAYERS = `{
  const inherited = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, "srcObject");
  globalThis.played = new Map();
  Object.defineProperty(HTMLMediaElement.prototype, "srcObject", {
    ...inherited,
    set(stream) {
      inherited.set.call(this, stream);
      if (stream) globalThis.played.set(this, stream); else globalThis.played.delete(this);
    },
  });
}`;

/** In the page: browsers take a steady tone for noise and suppress it; this microphone is not cleaned. */
const LEAVE_THE_TONE = `{
  const ask = MediaDevices.prototype.getUserMedia;
  MediaDevices.prototype.getUserMedia = function ({ audio }) {
    const wanted = audio === true ? {} : audio;
    const raw = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    return ask.call(this, { audio: { ...wanted, ...raw } });
  };
}`;

/** In the page: what the last of them plays during so many milliseconds, as numbers. */
const HEAR = `async (forMs) => {
  const stream = [...globalThis.played.values()].at(-1);
  const track = stream?.getAudioTracks()[0]?.clone();
  if (!track) return { rate: 48000, samples: [] };
  const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
  const samples = [];
  let rate = 48000;
  const until = performance.now() + forMs;
  while (performance.now() < until) {
    const late = new Promise((resolve) => setTimeout(resolve, forMs, { done: true }));
    const { done, value } = await Promise.race([reader.read(), late]);
    if (done) break;
    rate = value.sampleRate;
    const piece = new Float32Array(value.numberOfFrames);
    value.copyTo(piece, { planeIndex: 0, format: "f32-planar" });
    value.close();
    for (const it of piece) samples.push(Math.round(it * 32767));
  }
  track.stop();
  return { rate, samples };
}`;

export class BuiltInPhone implements Ear {
  readonly #browser: Browser;
  readonly #directory: string;
  readonly page: Page;
  /** What the console or the page's policy complained of. */
  readonly complaints: string[] = [];

  private constructor(browser: Browser, directory: string, page: Page) {
    this.#browser = browser;
    this.#directory = directory;
    this.page = page;
    page.setDefaultTimeout(10_000);
    page.on("console", (message) => {
      if (message.type() === "error") this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
  }

  static async open(url: string, frequencyHz: number): Promise<BuiltInPhone> {
    const directory = mkdtempSync(join(tmpdir(), "phone-"));
    const microphone = join(directory, "microphone.wav");
    const signal = { sampleRate: 48_000, durationMs: 1_000, levelDbov: -16 };
    await Bun.write(microphone, writeWav(tone(frequencyHz, signal)));
    const browser = await chromium.launch({
      executablePath: Bun.which("chromium") ?? "chromium",
      headless: true,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-background-timer-throttling",
        "--autoplay-policy=no-user-gesture-required",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        `--use-file-for-fake-audio-capture=${microphone}`,
        "--allow-loopback-in-peer-connection",
      ],
    });
    const page = await browser.newPage();
    const phone = new BuiltInPhone(browser, directory, page);
    await page.addInitScript(LISTEN_TO_PLAYERS);
    await page.addInitScript(LEAVE_THE_TONE);
    await page.goto(`${url}/phone`);
    return phone;
  }

  async signIn(name: string, password: string): Promise<void> {
    await this.page.getByLabel("Name", { exact: true }).fill(name);
    await this.page.getByLabel("Password").fill(password);
    await this.page.getByRole("button", { name: "Sign in" }).click();
  }

  /** By the keys of the page. */
  async dial(number: string): Promise<void> {
    for (const key of number) await this.key(key);
    await this.press("Call");
  }

  key(key: string): Promise<void> {
    return this.page.locator(`[data-key="${key}"]`).click();
  }

  press(name: string, within = ""): Promise<void> {
    const place = within === "" ? this.page.locator("body") : this.call(within);
    return place.getByRole("button", { name, exact: true }).click();
  }

  /** The card of the latest call with that number: one that ended stays for a while to be read. */
  call(number: string) {
    return this.page.getByRole("region", { name: `Call with ${number}` }).last();
  }

  /** Waits until the call's card says that word. */
  untilCall(number: string, word: string): Promise<void> {
    return this.call(number).getByText(word, { exact: true }).first().waitFor();
  }

  async listen(forMs: number): Promise<Audio> {
    const { rate, samples } = (await this.page.evaluate(`(${HEAR})(${forMs})`)) as {
      rate: number;
      samples: number[];
    };
    return { pcm: Int16Array.from(samples), sampleRate: rate };
  }

  async close(): Promise<void> {
    await this.#browser.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
