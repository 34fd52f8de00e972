/**
 * Softphones in tabs of one browser, Chromium or Firefox: JsSIP or SIP.js from npm, unmodified, each
 * with a tone for a microphone.
 */
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { Firefox, type FirefoxTab } from "./firefox.ts";
import { SoftphonePage } from "./softphone-page.ts";
import type { ConsoleLine, Tab } from "./tab.ts";

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

/** A browser as the softphones need it. */
interface Host<Of extends Tab> {
  newTab(): Promise<Of>;
  close(): Promise<void>;
}

export class Softphones<Of extends Tab = Tab> {
  readonly #host: Host<Of>;
  readonly #server: Bun.Server<undefined>;

  private constructor(host: Host<Of>, server: Bun.Server<undefined>) {
    this.#host = host;
    this.#server = server;
  }

  static async inChromium(): Promise<Softphones<ChromiumTab>> {
    const executablePath = CHROMIUM ?? "chromium";
    const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
    return new Softphones(new ChromiumHost(browser), await servePage());
  }

  static async inFirefox(): Promise<Softphones<FirefoxTab>> {
    return new Softphones(await Firefox.launch(), await servePage());
  }

  /** What the gateway must let in. */
  get origin(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** A tab of its own whose microphone hears `frequencyHz`. */
  async phone(library: Library, frequencyHz: number): Promise<SoftphonePage<Of>> {
    const tab = await this.#host.newTab();
    return SoftphonePage.load(tab, `${this.origin}/${library}`, frequencyHz);
  }

  async close(): Promise<void> {
    await this.#host.close();
    await this.#server.stop(true);
  }
}

class ChromiumHost implements Host<ChromiumTab> {
  readonly #browser: Browser;

  constructor(browser: Browser) {
    this.#browser = browser;
  }

  async newTab(): Promise<ChromiumTab> {
    const context = await this.#browser.newContext();
    return new ChromiumTab(await context.newPage());
  }

  close(): Promise<void> {
    return this.#browser.close();
  }
}

export class ChromiumTab implements Tab {
  readonly page: Page;

  constructor(page: Page) {
    this.page = page;
  }

  goto(url: string): Promise<unknown> {
    return this.page.goto(url);
  }

  reload(): Promise<unknown> {
    return this.page.reload();
  }

  evaluate<Given, Result>(run: (given: Given) => Result, given: Given): Promise<Awaited<Result>> {
    return this.page.evaluate(run as never, given as never);
  }

  on(_event: "console", listener: (line: ConsoleLine) => void): void {
    this.page.on("console", listener);
    this.page.on("pageerror", (error) => listener({ text: () => String(error) }));
  }

  /** Takes its cookies and storage with it. */
  close(): Promise<void> {
    return this.page.context().close();
  }
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
