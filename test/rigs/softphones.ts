/**
 * Softphones in pages of one Chromium: JsSIP or SIP.js from npm, unmodified, each with a tone for a
 * microphone. A page is one device; it can be reloaded, and its connection broken.
 */
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import type { Audio } from "../../bench/audio/wav.ts";
import type { Ear } from "./listening.ts";
import type { PageFace } from "./page/softphone/page-face.ts";
import type { Line, SoftphoneSettings, SoftphoneState } from "./page/softphone/softphone.ts";

export const LIBRARIES = ["jssip", "sipjs"] as const;
export type Library = (typeof LIBRARIES)[number];

const CHROMIUM = Bun.which("chromium");
export const hasChromium = CHROMIUM !== null;

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--disable-background-networking",
  "--disable-background-timer-throttling",
  "--disable-backgrounding-occluded-windows",
  "--disable-renderer-backgrounding",
  "--disable-component-update",
  "--disable-sync",
  "--autoplay-policy=no-user-gesture-required",
  "--use-fake-ui-for-media-stream",
  "--use-fake-device-for-media-stream",
  "--allow-loopback-in-peer-connection",
];

export class Softphones {
  readonly #browser: Browser;
  readonly #server: Bun.Server<undefined>;

  private constructor(browser: Browser, server: Bun.Server<undefined>) {
    this.#browser = browser;
    this.#server = server;
  }

  static async open(): Promise<Softphones> {
    const server = await servePage();
    const executablePath = CHROMIUM ?? "chromium";
    const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
    return new Softphones(browser, server);
  }

  /** What the gateway must let in. */
  get origin(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** A page of its own whose microphone hears `frequencyHz`. */
  async phone(library: Library, frequencyHz: number): Promise<SoftphonePage> {
    const context = await this.#browser.newContext();
    const page = await context.newPage();
    return SoftphonePage.load(page, `${this.origin}/${library}`, frequencyHz);
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#server.stop(true);
  }
}

type Action = Exclude<keyof PageFace, "listen">;

export class SoftphonePage implements Ear {
  readonly page: Page;
  readonly #frequencyHz: number;
  readonly #messages: string[] = [];

  private constructor(page: Page, frequencyHz: number) {
    this.page = page;
    this.#frequencyHz = frequencyHz;
    page.on("console", (message) => this.#messages.push(message.text()));
    page.on("pageerror", (error) => this.#messages.push(String(error)));
  }

  static async load(page: Page, url: string, frequencyHz: number): Promise<SoftphonePage> {
    const softphone = new SoftphonePage(page, frequencyHz);
    await page.goto(url);
    await softphone.#ready();
    return softphone;
  }

  /** As its user reloads it: everything it knew is gone. */
  async reload(): Promise<void> {
    await this.page.reload();
    await this.#ready();
  }

  /** Leaves without a word, as a closed tab does. */
  async close(): Promise<void> {
    await this.page.context().close();
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
    return this.page.evaluate(run, [name, args] as [string, unknown[]]) as Promise<
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
    const base64 = await this.page.evaluate((ms) => globalThis.softphone.listen(ms), forMs);
    const bytes = Uint8Array.fromBase64(base64);
    const pcm = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
    return { pcm, sampleRate: 48_000 };
  }

  async #ready(): Promise<void> {
    await this.page.waitForFunction(() => globalThis.softphone !== undefined);
    await this.act("hum", this.#frequencyHz);
  }
}

/** A message in a line: what it is, and of which transaction. */
function lineOf(message: string): string {
  const [first = ""] = message.split("\r\n", 1);
  return `${first} [${/^CSeq: (.*?)\r/m.exec(message)?.[1] ?? ""}]`;
}

async function servePage(): Promise<Bun.Server<undefined>> {
  const built = await Bun.build({
    entrypoints: [join(import.meta.dir, "page", "softphone", "page.ts")],
    target: "browser",
  });
  const script = await built.outputs[0]?.text();
  if (!built.success || script === undefined) throw new Error(built.logs.map(String).join("\n"));
  const html =
    '<!doctype html><meta charset="utf-8"><title>softphone</title><script type="module" src="/page.js"></script>';
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request) => {
      const isScript = new URL(request.url).pathname === "/page.js";
      const type = isScript ? "text/javascript" : "text/html";
      return new Response(isScript ? script : html, { headers: { "Content-Type": type } });
    },
  });
}
