/**
 * A browser softphone: JsSIP or SIP.js from npm, unmodified, in Debian's Chromium, on a page of
 * ours. The microphone is a WAV file; what the page hears is recorded as PCM by an AudioWorklet.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import type { PhoneFace } from "./page/phone-face.ts";

export type Library = "jssip" | "sipjs";

export interface PhoneOptions {
  library: Library;
  /** ws:// or wss:// address of the gateway. */
  server: string;
  user: string;
  password: string;
  /** WAV file played into the microphone, from the start of the call on, again and again. */
  microphone: string;
}

export class BrowserPhone {
  readonly #browser: Browser;
  readonly #server: Bun.Server<undefined>;
  readonly #profile: string;
  readonly page: Page;
  readonly messages: string[] = [];

  private constructor(
    browser: Browser,
    server: Bun.Server<undefined>,
    profile: string,
    page: Page,
  ) {
    this.#browser = browser;
    this.#server = server;
    this.#profile = profile;
    this.page = page;
    page.on("console", (message) => this.messages.push(message.text()));
    page.on("pageerror", (error) => this.messages.push(String(error)));
  }

  /** Opens the page; the caller must allow its origin at the gateway, see `origin`. */
  static async open(options: PhoneOptions, pagePort: number): Promise<BrowserPhone> {
    const server = await servePage(options.library, pagePort);
    const profile = mkdtempSync(join(tmpdir(), "softphone-"));
    const browser = await chromium.launch({
      executablePath: Bun.which("chromium") ?? "chromium",
      headless: true,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--autoplay-policy=no-user-gesture-required",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        `--use-file-for-fake-audio-capture=${options.microphone}`,
        "--allow-loopback-in-peer-connection",
      ],
    });
    const page = await browser.newPage();
    const phone = new BrowserPhone(browser, server, profile, page);
    await page.goto(`http://127.0.0.1:${pagePort}/`);
    await page.waitForFunction(() => globalThis.phone !== undefined);
    return phone;
  }

  /** Another page in the same browser, with cookies of its own. */
  newPage(): Promise<Page> {
    return this.#browser.newPage();
  }

  register({ server, user, password }: PhoneOptions): Promise<void> {
    const args = [server, user, password] as const;
    return this.page.evaluate(
      ([at, name, secret]) => globalThis.phone.register(at, name, secret),
      args,
    );
  }

  call(number: string): Promise<void> {
    return this.page.evaluate((to) => globalThis.phone.call(to), number);
  }

  answerNext(): Promise<void> {
    return this.page.evaluate(() => globalThis.phone.answerNext());
  }

  hangUp(): Promise<void> {
    return this.page.evaluate(() => globalThis.phone.hangUp());
  }

  hold(on: boolean): Promise<void> {
    return this.page.evaluate((wanted) => globalThis.phone.hold(wanted), on);
  }

  digit(key: string): Promise<void> {
    return this.page.evaluate((it) => globalThis.phone.digit(it), key);
  }

  state(): Promise<ReturnType<PhoneFace["state"]>> {
    return this.page.evaluate(() => globalThis.phone.state());
  }

  /** Waits until the call is in that state: "ringing", "connected" or "ended". */
  async untilCall(wanted: string, withinMs = 20_000): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const state = await this.state();
      if (state.call === wanted) return;
      if (performance.now() > deadline) {
        const detail = JSON.stringify(state, undefined, 1);
        throw new Error(`the call never was ${wanted}: ${detail}\n${this.messages.join("\n")}`);
      }
      await Bun.sleep(50);
    }
  }

  startRecording(): Promise<void> {
    return this.page.evaluate(() => globalThis.phone.startRecording());
  }

  async recorded(): Promise<{ rate: number; samples: Int16Array }> {
    const { rate, pcm } = await this.page.evaluate(() => globalThis.phone.recorded());
    const bytes = Uint8Array.fromBase64(pcm);
    return { rate, samples: new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2) };
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.#server.stop(true);
    rmSync(this.#profile, { recursive: true, force: true });
  }
}

async function servePage(library: Library, port: number): Promise<Bun.Server<undefined>> {
  const built = await Bun.build({
    entrypoints: [join(import.meta.dir, "page", "softphone-page.ts")],
    target: "browser",
    define: { LIBRARY: JSON.stringify(library) },
  });
  const script = await built.outputs[0]?.text();
  if (!built.success || script === undefined) throw new Error(built.logs.map(String).join("\n"));
  const html =
    '<!doctype html><meta charset="utf-8"><title>softphone</title><script type="module" src="/page.js"></script>';
  return Bun.serve({
    hostname: "127.0.0.1",
    port,
    fetch: (request) => {
      const isScript = new URL(request.url).pathname === "/page.js";
      const type = isScript ? "text/javascript" : "text/html";
      return new Response(isScript ? script : html, { headers: { "Content-Type": type } });
    },
  });
}
