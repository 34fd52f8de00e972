/** A PBX whose answers and ends come at moments a test chooses; SIP alone, over UDP. */
import { SipDialog } from "../../gateway/phone/sip-dialog.ts";
import { type Served, SipEndpoint } from "../../gateway/phone/sip-endpoint.ts";
import type { Flow, FlowId } from "../../gateway/sip/flow.ts";

const SDP = [
  "v=0",
  "o=pbx 1 1 IN IP4 127.0.0.1",
  "s=-",
  "c=IN IP4 127.0.0.1",
  "t=0 0",
  "m=audio 6000 RTP/AVP 8",
  "a=rtpmap:8 PCMA/8000",
  "",
].join("\r\n");

export interface Moments {
  /** How long it rings, in milliseconds; a CANCEL that comes before stops it. */
  answers: () => number;
  /** When it hangs up after the ACK; absent: never. */
  hangsUp?: () => number;
}

export class RacingPbx {
  readonly #socket: Bun.udp.Socket<"buffer">;
  readonly #endpoint: SipEndpoint;
  readonly #dialogs = new Map<string, SipDialog>();
  moments: Moments = { answers: () => 0 };

  private constructor(socket: Bun.udp.Socket<"buffer">) {
    this.#socket = socket;
    this.#endpoint = new SipEndpoint(
      (flow, bytes) => {
        const [address = "", port] = flow.split(" ");
        socket.send(bytes, Number(port), address);
      },
      (served) => this.#request(served),
    );
  }

  static async start(): Promise<RacingPbx> {
    const socket = await Bun.udpSocket({
      hostname: "127.0.0.1",
      socket: {
        data: (_socket, data, port, address) =>
          pbx.#endpoint.receive(pbx.#flowTo(address, port), new Uint8Array(data)),
        error: () => {},
      },
    });
    const pbx: RacingPbx = new RacingPbx(socket);
    return pbx;
  }

  get port(): number {
    return this.#socket.port;
  }

  /** Dialogs that are up. */
  get dialogs(): number {
    return this.#dialogs.size;
  }

  stop(): void {
    this.#endpoint.stop();
    this.#socket.close();
  }

  #request(served: Served): void {
    const dialog = this.#dialogs.get(SipDialog.keyOf(served.request));
    if (dialog) dialog.request(served);
    else if (served.request.method === "INVITE") void this.#invited(served);
    else served.respond(served.request.method === "OPTIONS" ? 200 : 481);
  }

  async #invited(served: Served): Promise<void> {
    let isCancelled = false;
    void served.cancelled.then(() => {
      isCancelled = true;
      served.respond(487, { toTag: "ringing" });
    });
    served.respond(180, { toTag: "ringing" });
    await Bun.sleep(this.moments.answers());
    if (isCancelled) return;
    const dialog = await SipDialog.accept(this.#endpoint, served, this.#contact, SDP);
    this.#dialogs.set(dialog.key, dialog);
    void dialog.ended.then(() => this.#dialogs.delete(dialog.key));
    if (!this.moments.hangsUp) return;
    await Bun.sleep(this.moments.hangsUp());
    await dialog.hangUp();
  }

  get #contact(): string {
    return `<sip:pbx@127.0.0.1:${this.port}>`;
  }

  #flowTo(address: string, port: number): Flow {
    return {
      id: `${address} ${port}` as FlowId,
      transport: "udp",
      sentBy: `127.0.0.1:${this.port}`,
      remote: { address, port },
      local: { address: "127.0.0.1", port: this.port },
    };
  }
}
