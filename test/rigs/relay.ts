/**
 * A TCP relay between softphones and the gateway: the network that breaks. Connections through it
 * can be closed, reset, or swallowed: open on both ends, and nothing passes any more.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

interface Pair {
  near: Socket;
  far: Socket;
  isSwallowed: boolean;
}

export class Relay {
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  /** The address it comes from: 127.0.0.1 is home, any other in 127/8 another network. */
  from = "127.0.0.1";
  /** While true, new connections are refused. */
  isDown = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(target: { address: string; port: number }): Promise<Relay> {
    const server = createServer({ allowHalfOpen: false }, (near) => relay.#join(near, target));
    const relay = new Relay(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  /** Both ends see it closed in order. */
  close(): void {
    for (const { near, far } of this.#pairs) {
      near.end();
      far.end();
    }
  }

  /** Both ends see a reset. */
  reset(): void {
    for (const { near, far } of this.#pairs) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  /** The softphone's end is reset; the gateway's hears nothing more and knows of nothing. */
  swallow(): void {
    for (const pair of this.#pairs) {
      pair.isSwallowed = true;
      pair.near.resetAndDestroy();
    }
  }

  async stop(): Promise<void> {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #join(near: Socket, { address, port }: { address: string; port: number }): void {
    if (this.isDown) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ host: address, port, localAddress: this.from });
    const pair: Pair = { near, far, isSwallowed: false };
    this.#pairs.add(pair);
    near.on("data", (data) => {
      if (!pair.isSwallowed) far.write(data);
    });
    far.on("data", (data) => {
      if (!pair.isSwallowed) near.write(data);
    });
    near.on("error", () => {});
    far.on("error", () => {});
    near.on("close", () => {
      if (!pair.isSwallowed) far.destroy();
    });
    far.on("close", () => {
      near.destroy();
      this.#pairs.delete(pair);
    });
  }
}
