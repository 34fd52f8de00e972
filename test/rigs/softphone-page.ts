/**
 * A softphone in a tab of some browser, as a test handles it: acted upon, waited for, listened to. A
 * tab is one device; it can be reloaded, and its connection broken.
 */
import type { Audio } from "../../bench/audio/wav.ts";
import type { Ear } from "./listening.ts";
import type { PageFace } from "./page/softphone/page-face.ts";
import type { Line, SoftphoneSettings, SoftphoneState } from "./page/softphone/softphone.ts";
import type { Tab } from "./tab.ts";

const LOAD_MS = 30_000;

type Action = Exclude<keyof PageFace, "listen">;

export class SoftphonePage<Of extends Tab = Tab> implements Ear {
  readonly tab: Of;
  readonly #frequencyHz: number;
  readonly #messages: string[] = [];

  private constructor(tab: Of, frequencyHz: number) {
    this.tab = tab;
    this.#frequencyHz = frequencyHz;
    tab.on("console", (line) => this.#messages.push(line.text()));
  }

  static async load<Of extends Tab>(
    tab: Of,
    url: string,
    frequencyHz: number,
  ): Promise<SoftphonePage<Of>> {
    const softphone = new SoftphonePage(tab, frequencyHz);
    await tab.goto(url);
    await softphone.#ready();
    return softphone;
  }

  /** As its user reloads it: everything it knew is gone. */
  async reload(): Promise<void> {
    await this.tab.reload();
    await this.#ready();
  }

  /** Leaves without a word, as a closed tab does. */
  async close(): Promise<void> {
    await this.tab.close();
  }

  /** What the page's softphone offers, see `PageFace`. */
  act<Name extends Action>(
    name: Name,
    ...args: Parameters<PageFace[Name]>
  ): Promise<Awaited<ReturnType<PageFace[Name]>>> {
    const run = ([action, given]: [string, unknown[]]) => {
      const face = globalThis.softphone as unknown as Record<
        string,
        (...all: unknown[]) => unknown
      >;
      return face[action]?.(...given);
    };
    return this.tab.evaluate(run, [name, args] as [string, unknown[]]) as Promise<
      Awaited<ReturnType<PageFace[Name]>>
    >;
  }

  start(settings: SoftphoneSettings): Promise<void> {
    return this.act("start", settings);
  }

  /** Waits until its state is as wanted. */
  async until(
    what: string,
    isSo: (state: SoftphoneState) => boolean,
    withinMs = 15_000,
  ): Promise<SoftphoneState> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const state = await this.act("state");
      if (isSo(state)) return state;
      if (performance.now() > deadline) {
        const wire = (await this.act("wire")).slice(-20).map(lineOf);
        const parts = [JSON.stringify(state), ...this.#messages, ...wire];
        throw new Error(`the softphone never was ${what}:\n${parts.join("\n")}`);
      }
      await Bun.sleep(30);
    }
  }

  /** Waits until that call of its is in that state. */
  async untilLine(line: number, wanted: Line["state"], withinMs = 15_000): Promise<void> {
    const isSo = ({ lines }: SoftphoneState) => lines[line]?.state === wanted;
    await this.until(`${wanted} on line ${line}`, isSo, withinMs);
  }

  /** The SIP messages that passed and match, in order; see `wire`. */
  async passed(pattern: RegExp): Promise<string[]> {
    return (await this.act("wire")).filter((message) => pattern.test(message));
  }

  /** The same, once there are `count`: what the gateway answers by itself is carried on later. */
  async untilPassed(pattern: RegExp, count = 1, withinMs = 5_000): Promise<string[]> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const messages = await this.passed(pattern);
      if (messages.length >= count) return messages;
      if (performance.now() > deadline) throw new Error(`${pattern} never passed ${count} times`);
      await Bun.sleep(20);
    }
  }

  async listen(forMs: number): Promise<Audio> {
    const base64 = await this.tab.evaluate((ms) => globalThis.softphone.listen(ms), forMs);
    const bytes = Uint8Array.fromBase64(base64);
    const pcm = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
    return { pcm, sampleRate: 48_000 };
  }

  async #ready(): Promise<void> {
    const deadline = performance.now() + LOAD_MS;
    while (!(await this.tab.evaluate(() => globalThis.softphone !== undefined, undefined))) {
      if (performance.now() > deadline) throw new Error(`no page:\n${this.#messages.join("\n")}`);
      await Bun.sleep(20);
    }
    await this.act("hum", this.#frequencyHz);
  }
}

/** A message in a line: what it is, and of which transaction. */
function lineOf(message: string): string {
  const [first = ""] = message.split("\r\n", 1);
  return `${first} [${/^CSeq: (.*?)\r/m.exec(message)?.[1] ?? ""}]`;
}
