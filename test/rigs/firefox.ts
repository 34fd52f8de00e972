/**
 * Debian's Firefox, driven by WebDriver BiDi: Playwright's Firefox is a build of its own, and what
 * it asks of a browser the ESR does not know.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasSoundServer, SoundServer } from "./sound-server.ts";
import type { ConsoleLine, Tab } from "./tab.ts";

const PATIENCE_MS = 30_000;
const LISTENING = /WebDriver BiDi listening on (ws:\/\/\S+)/;

export const hasFirefox = Bun.which("firefox-esr") !== null && hasSoundServer;

/** What a person would allow, and calls to this very machine. */
const PREFERENCES: Record<string, string | number | boolean> = {
  "media.peerconnection.ice.loopback": true,
  "media.navigator.permission.disabled": true,
  "media.autoplay.default": 0,
  "media.autoplay.blocking_policy": 0,
  "app.normandy.enabled": false,
  "app.update.disabledForTesting": true,
  "datareporting.policy.dataSubmissionEnabled": false,
  "toolkit.telemetry.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
};

interface Reply {
  id?: number;
  type: "success" | "error" | "event";
  result?: Record<string, unknown>;
  error?: string;
  message?: string;
  method?: string;
  params?: Record<string, unknown>;
}

export class Firefox {
  readonly #child: Bun.Subprocess<"ignore", "ignore", "pipe">;
  readonly #sound: SoundServer;
  readonly #profile: string;
  readonly #tabs = new Map<string, FirefoxTab>();
  readonly #asked = new Map<number, (reply: Reply) => void>();
  #socket: WebSocket | undefined;
  #lastId = 0;

  private constructor(
    child: Bun.Subprocess<"ignore", "ignore", "pipe">,
    sound: SoundServer,
    profile: string,
  ) {
    this.#child = child;
    this.#sound = sound;
    this.#profile = profile;
  }

  static async launch(): Promise<Firefox> {
    const sound = await SoundServer.start();
    const profile = mkdtempSync(join(tmpdir(), "firefox-"));
    const lines = Object.entries(PREFERENCES).map(
      ([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});`,
    );
    writeFileSync(join(profile, "user.js"), lines.join("\n"));
    const child = Bun.spawn(
      ["firefox-esr", "--headless", "--profile", profile, "--remote-debugging-port", "0"],
      {
        stdio: ["ignore", "ignore", "pipe"],
        env: {
          ...process.env,
          ...sound.environment,
          HOME: profile,
          MOZ_CRASHREPORTER_DISABLE: "1",
        },
      },
    );
    const firefox = new Firefox(child, sound, profile);
    try {
      await firefox.#connect(await addressOf(child.stderr));
    } catch (error) {
      await firefox.close();
      throw error;
    }
    return firefox;
  }

  /** A tab with cookies and storage of its own. */
  async newTab(): Promise<FirefoxTab> {
    const { userContext } = await this.ask("browser.createUserContext", {});
    const { context } = await this.ask("browsingContext.create", { type: "tab", userContext });
    const tab = new FirefoxTab(this, String(context), String(userContext));
    this.#tabs.set(String(context), tab);
    return tab;
  }

  async close(): Promise<void> {
    this.#socket?.close();
    this.#child.kill();
    await this.#child.exited;
    await this.#sound.stop();
    rmSync(this.#profile, { recursive: true, force: true });
  }

  /** One command of WebDriver BiDi and its result; rejects with what Firefox says. */
  ask(method: string, params: Record<string, unknown>): Promise<Record<string, unknown>> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#asked.set(id, ({ type, result, error, message }) => {
        if (type === "success") resolve(result ?? {});
        else reject(new Error(`${method}: ${error}: ${message}`));
      });
      this.#socket?.send(JSON.stringify({ id, method, params }));
    });
  }

  async #connect(address: string): Promise<void> {
    const socket = new WebSocket(`${address}/session`);
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#take(JSON.parse(String(data)) as Reply));
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", () => reject(new Error(`${address} takes no connection`)));
    });
    socket.addEventListener("close", () => {
      const gone: Reply = { type: "error", error: "closed", message: "Firefox has gone" };
      for (const answer of this.#asked.values()) answer(gone);
      this.#asked.clear();
    });
    await this.ask("session.new", { capabilities: {} });
    await this.ask("session.subscribe", { events: ["log.entryAdded"] });
  }

  #take(reply: Reply): void {
    if (reply.id !== undefined) {
      this.#asked.get(reply.id)?.(reply);
      this.#asked.delete(reply.id);
      return;
    }
    const { source, text } = reply.params as { source?: { context?: string }; text?: string };
    this.#tabs.get(source?.context ?? "")?.say(text ?? "");
  }
}

export class FirefoxTab implements Tab {
  readonly #firefox: Firefox;
  readonly #context: string;
  readonly #userContext: string;
  readonly #listeners: ((line: ConsoleLine) => void)[] = [];

  constructor(firefox: Firefox, context: string, userContext: string) {
    this.#firefox = firefox;
    this.#context = context;
    this.#userContext = userContext;
  }

  async goto(url: string): Promise<void> {
    const params = { context: this.#context, url, wait: "complete" };
    await this.#firefox.ask("browsingContext.navigate", params);
  }

  async reload(): Promise<void> {
    await this.#firefox.ask("browsingContext.reload", { context: this.#context, wait: "complete" });
  }

  async evaluate<Given, Result>(
    run: (given: Given) => Result,
    given: Given,
  ): Promise<Awaited<Result>> {
    const { type, result, exceptionDetails } = (await this.#firefox.ask("script.callFunction", {
      functionDeclaration: `async (json) => JSON.stringify([await (${run})(...JSON.parse(json))])`,
      awaitPromise: true,
      target: { context: this.#context },
      arguments: [{ type: "string", value: JSON.stringify([given]) }],
    })) as { type: string; result?: { value: string }; exceptionDetails?: { text: string } };
    if (type !== "success") throw new Error(exceptionDetails?.text);
    return (JSON.parse(result?.value ?? "[]") as [Awaited<Result>])[0];
  }

  on(_event: "console", listener: (line: ConsoleLine) => void): void {
    this.#listeners.push(listener);
  }

  /** Takes its cookies and storage with it. */
  async close(): Promise<void> {
    await this.#firefox.ask("browser.removeUserContext", { userContext: this.#userContext });
  }

  /** For the browser: what a script of the tab wrote, or threw. */
  say(text: string): void {
    for (const listener of this.#listeners) listener({ text: () => text });
  }
}

/** Where it listens, as it says on its standard error; what else it says there is let go. */
async function addressOf(errors: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let said = "";
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const timer = setTimeout(() => reject(new Error(`Firefox did not start:\n${said}`)), PATIENCE_MS);
  void (async () => {
    for await (const chunk of errors) {
      said = (said + decoder.decode(chunk)).slice(-4_096);
      const address = LISTENING.exec(said)?.[1];
      if (address !== undefined) resolve(address);
    }
    reject(new Error(`Firefox ended:\n${said}`));
  })();
  return promise.finally(() => clearTimeout(timer));
}
