/** The HTTP port: the SIP WebSocket on its paths, the admin on all others. */
import { readFileSync, unwatchFile, watchFile } from "node:fs";
import type { Server } from "bun";
import { type GatewayOptions, OperatorError } from "../options.ts";
import type { SipWebSocket, SocketData } from "./sip-websocket.ts";

export interface Http {
  /** How a person reaches it from this machine. */
  readonly url: string;
  stop(): Promise<void>;
}

export type Fetch = (request: Request, remoteAddress: string) => Response | Promise<Response>;

const BODY_BYTES_MAX = 2 * 1_024 * 1_024;
const CERTIFICATE_POLL_MS = 10_000;

/** Throws an `OperatorError` when the port is taken or the certificate can't be read. */
export function openHttp(options: GatewayOptions, sockets: SipWebSocket, fetch: Fetch): Http {
  const { http, tls } = options;
  const serveOptions = () => ({
    hostname: http.host,
    port: http.port,
    ...(tls ? { tls: readCertificate(tls) } : {}),
    maxRequestBodySize: BODY_BYTES_MAX,
    // Live events stay open; they carry their own keep-alive.
    idleTimeout: 120,
    websocket: sockets.handlers,
    fetch: (request: Request, server: Server<SocketData>) =>
      sockets.serves(new URL(request.url).pathname)
        ? sockets.upgrade(request, server)
        : fetch(request, server.requestIP(request)?.address ?? ""),
  });
  const server = listen(serveOptions, `${http.host}:${http.port}`);
  if (tls) {
    // Renewed certificates are picked up; open sockets keep the one they began with.
    watchFile(tls.certificate, { interval: CERTIFICATE_POLL_MS }, () =>
      server.reload(serveOptions()),
    );
  }
  return {
    url: `${tls ? "https" : "http"}://${reachableHost(http.host)}:${server.port}`,
    stop: async () => {
      if (tls) unwatchFile(tls.certificate);
      sockets.closeAll();
      await server.stop(true);
    },
  };
}

/** An address that means "every address" leads nowhere in a browser; this machine's name does. */
function reachableHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

function listen(
  serveOptions: () => Bun.Serve.Options<SocketData>,
  where: string,
): Server<SocketData> {
  try {
    return Bun.serve<SocketData>(serveOptions());
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw new OperatorError(
      `--http ${where} can't be opened (${(error as Error).message}): choose another port with --http`,
    );
  }
}

function readCertificate(tls: { certificate: string; key: string }): { cert: string; key: string } {
  try {
    return { cert: readFileSync(tls.certificate, "utf8"), key: readFileSync(tls.key, "utf8") };
  } catch (error) {
    throw new OperatorError(`the TLS certificate can't be read: ${(error as Error).message}`);
  }
}
