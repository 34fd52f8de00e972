/**
 * The WebSocket under the library, watched: every message that passes is kept. It stands in front of
 * the browser's own class before a library makes one.
 */

const messages: string[] = [];

export function installWire(): void {
  globalThis.WebSocket = class extends WebSocket {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args);
      this.addEventListener("message", ({ data }) => messages.push(`< ${data}`));
    }

    override send(data: string): void {
      messages.push(`> ${data}`);
      super.send(data);
    }
  };
}

/** All that passed, in order: `> ` before what the softphone sent, `< ` before what it got. */
export function wire(): string[] {
  return messages;
}
