/** A program of the bench's beside the gateway, which is told one thing at a time and answers. */
import type { Subprocess } from "bun";

const PATIENCE_MS = 30_000;

export class HelperProcess<To, From extends { readonly type: string }> {
  readonly #process: Subprocess<"ignore", "inherit", "inherit">;
  #onMessage: (message: From) => void = () => {};

  private constructor(path: string) {
    this.#process = Bun.spawn([process.execPath, path], {
      stdio: ["ignore", "inherit", "inherit"],
      serialization: "json",
      ipc: (message) => this.#onMessage(message as From),
    });
  }

  /** `path` of the program, which says `ready` first. */
  static async start<To, From extends { readonly type: string }>(
    path: string,
  ): Promise<HelperProcess<To, From>> {
    const helper = new HelperProcess<To, From>(path);
    await helper.#told("ready");
    return helper;
  }

  send(message: To): void {
    this.#process.send(message);
  }

  /** Resolves with the answer of that type. */
  ask<Type extends From["type"]>(message: To, type: Type): Promise<Extract<From, { type: Type }>> {
    const answer = this.#told(type);
    this.send(message);
    return answer;
  }

  async stop(): Promise<void> {
    this.#process.kill();
    await this.#process.exited;
  }

  #told<Type extends From["type"]>(type: Type): Promise<Extract<From, { type: Type }>> {
    const { promise, resolve, reject } = Promise.withResolvers<Extract<From, { type: Type }>>();
    const timer = setTimeout(
      () => reject(new Error(`a helper of the bench never said ${type}`)),
      PATIENCE_MS,
    );
    this.#onMessage = (message) => {
      if (message.type !== type) return;
      clearTimeout(timer);
      resolve(message as Extract<From, { type: Type }>);
    };
    return promise;
  }
}
