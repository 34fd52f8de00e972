/**
 * The SIP of the PBX under load: every number it expects is answered at once, over UDP or over TLS
 * connections that the gateway opens. The audio is `PbxEnd`'s.
 */
import { systemRandom } from "../../gateway/io/random.ts";
import { createCertificate } from "../../gateway/media/dtls/certificate.ts";
import { SipDialog, sdpIn } from "../../gateway/phone/sip-dialog.ts";
import { type Served, SipEndpoint } from "../../gateway/phone/sip-endpoint.ts";
import { randomToken } from "../../gateway/random.ts";
import type { Flow, FlowId } from "../../gateway/sip/flow.ts";
import { StreamFraming } from "../../gateway/sip/stream-framing.ts";
import { parseUri } from "../../gateway/sip/uri.ts";

export interface PbxSideOptions {
  readonly address: string;
  readonly port: number;
  readonly transport: "udp" | "tls";
}

/** What is said to a call, and to its later offers. */
export interface Callee {
  /** Throws where the offer can't be answered. */
  answer(offer: string): string;
  /** Keys that came by INFO. */
  onInfo?(body: string): void;
  /** The call stands. */
  onDialog?(dialog: SipDialog): void;
}

interface Wire {
  send(flow: FlowId, bytes: Uint8Array): void;
  close(): void;
}

type Receive = (flow: Flow, bytes: Uint8Array) => void;

const ALLOW: [string, string] = ["Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO"];

export class PbxSide {
  readonly #options: PbxSideOptions;
  readonly #wire: Wire;
  readonly #endpoint: SipEndpoint;
  readonly #expected = new Map<string, Callee>();
  readonly #dialogs = new Map<string, SipDialog>();
  /** As a PBX that was switched off: nothing is heard, nothing answered. */
  isSilent = false;

  private constructor(options: PbxSideOptions, wire: Wire) {
    this.#options = options;
    this.#wire = wire;
    this.#endpoint = new SipEndpoint(
      (flow, bytes) => {
        if (!this.isSilent) wire.send(flow, bytes);
      },
      (served) => this.#request(served),
    );
  }

  static async open(options: PbxSideOptions): Promise<PbxSide> {
    const receive: Receive = (flow, bytes) => {
      if (!side.isSilent) side.#endpoint.receive(flow, bytes);
    };
    const wire =
      options.transport === "udp" ? await udpWire(options, receive) : tlsWire(options, receive);
    const side = new PbxSide(options, wire);
    return side;
  }

  expect(number: string, callee: Callee): void {
    this.#expected.set(number, callee);
  }

  close(): void {
    this.#endpoint.stop();
    this.#wire.close();
  }

  #request(served: Served): void {
    const { request } = served;
    const dialog = this.#dialogs.get(SipDialog.keyOf(request));
    if (dialog) dialog.request(served);
    else if (request.method === "OPTIONS") served.respond(200);
    else if (request.method !== "INVITE") served.respond(481);
    else void this.#invite(served);
  }

  async #invite(served: Served): Promise<void> {
    const number = parseUri(served.request.uri)?.user ?? "";
    const callee = this.#expected.get(number);
    if (!callee) {
      served.respond(404, { toTag: randomToken(systemRandom, 6) });
      return;
    }
    this.#expected.delete(number);
    let answer: string;
    try {
      answer = callee.answer(sdpIn(served.request));
    } catch {
      served.respond(488, { toTag: randomToken(systemRandom, 6) });
      return;
    }
    const { address, port, transport } = this.#options;
    const contact = `<sip:${number}@${address}:${port}${transport === "tls" ? ";transport=tls" : ""}>`;
    const dialog = await SipDialog.accept(this.#endpoint, served, contact, answer, [ALLOW]);
    dialog.answersOffer = async (offer) => callee.answer(offer);
    dialog.onInfo = (info) => callee.onInfo?.(sdpIn(info));
    callee.onDialog?.(dialog);
    this.#dialogs.set(dialog.key, dialog);
    void dialog.ended.then(() => this.#dialogs.delete(dialog.key));
  }
}

async function udpWire({ address: own, port }: PbxSideOptions, receive: Receive): Promise<Wire> {
  const socket = await Bun.udpSocket({
    hostname: own,
    port,
    socket: {
      data: (_socket, data, remotePort, address) => {
        const flow: Flow = {
          id: `${address} ${remotePort}` as FlowId,
          transport: "udp",
          sentBy: `${own}:${port}`,
          remote: { address, port: remotePort },
          local: { address: own, port },
        };
        receive(flow, new Uint8Array(data));
      },
      error: () => {},
    },
  });
  return {
    send: (flow, bytes) => {
      const [address = "", remotePort] = flow.split(" ");
      try {
        socket.send(bytes, Number(remotePort), address);
      } catch {
        // An ICMP refusal of an earlier datagram is thrown here; SIP repeats what was lost.
      }
    },
    close: () => socket.close(),
  };
}

interface Connection {
  readonly flow: Flow;
  readonly framing: StreamFraming;
}

/** With a certificate of its own making: the gateway's connection has `verify: off`. */
function tlsWire({ address, port }: PbxSideOptions, receive: Receive): Wire {
  const { der, privateKey } = createCertificate(systemRandom);
  const cert = `-----BEGIN CERTIFICATE-----\n${der.toBase64()}\n-----END CERTIFICATE-----\n`;
  const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const sockets = new Map<FlowId, Bun.Socket<Connection>>();
  const listener = Bun.listen<Connection>({
    hostname: address,
    port,
    tls: { cert, key },
    socket: {
      open: (socket) => {
        const remote = { address: socket.remoteAddress, port: socket.remotePort };
        const id = `${remote.address} ${remote.port}` as FlowId;
        const local = { address, port };
        const sentBy = `${address}:${port}`;
        socket.data = {
          flow: { id, transport: "tls", sentBy, remote, local },
          framing: new StreamFraming(),
        };
        sockets.set(id, socket);
      },
      close: (socket) => void sockets.delete(socket.data.flow.id),
      data: (socket, piece) => {
        for (const framed of socket.data.framing.feed(new Uint8Array(piece))) {
          if (framed.type === "message") receive(socket.data.flow, framed.bytes);
          if (framed.type === "ping") socket.write("\r\n");
        }
      },
      error: () => {},
    },
  });
  return {
    send: (flow, bytes) => void sockets.get(flow)?.write(bytes),
    close: () => listener.stop(true),
  };
}
