/** A load's way to what is measured: SIP text over a WebSocket (RFC 7118) or over UDP. */

export interface Wire {
  readonly transport: "WS" | "UDP";
  /** The sent-by of its Via: nobody's over WebSocket. */
  readonly host: string;
  onText: (text: string) => void;
  send(text: string): void;
  close(): void;
}

/** Rejects where nobody answers there. */
export async function openWebSocket(url: string, name: string): Promise<Wire> {
  const socket = new WebSocket(url, "sip");
  const wire: Wire = {
    transport: "WS",
    host: `${name}.invalid`,
    onText: () => {},
    send: (text) => socket.send(text),
    close: () => socket.close(),
  };
  socket.addEventListener("message", ({ data }) => wire.onText(String(data)));
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true });
    socket.addEventListener("close", () => reject(new Error(`${url} refuses a WebSocket`)));
  });
  return wire;
}

/** A socket of its own on loopback that speaks to that port. */
export async function openUdp(port: number): Promise<Wire> {
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    binaryType: "buffer",
    connect: { hostname: "127.0.0.1", port },
    socket: { data: (_socket, data) => wire.onText(data.toString()) },
  });
  const wire: Wire = {
    transport: "UDP",
    host: `127.0.0.1:${socket.port}`,
    onText: () => {},
    send: (text) => void socket.send(text),
    close: () => socket.close(),
  };
  return wire;
}
