/**
 * One HTTP POST to a place somebody named in the settings, and nothing of the answer but its status:
 * the name is looked up once and that address is connected to (no rebinding), redirects are not
 * followed, the body is not read (D16).
 */
import { lookup } from "node:dns/promises";
import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { parseAddress } from "../address.ts";
import { mayConnect } from "../outbound-guard.ts";

export interface PostOptions {
  headers: Readonly<Record<string, string>>;
  body: string;
  allowLoopback: boolean;
  timeoutMs: number;
}

const STATUS_BYTES_MAX = 4_096;

/** Resolves with the status; rejects with an `Error` that says in words why there is none. */
export async function post(url: URL, options: PostOptions): Promise<number> {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const address = await addressOf(host, options.allowLoopback);
  const isTls = url.protocol === "https:";
  const port = url.port === "" ? (isTls ? 443 : 80) : Number(url.port);
  const socket = isTls
    ? connectTls({ host: address, port, ...(isIP(host) === 0 ? { servername: host } : {}) })
    : connectTcp({ host: address, port });
  try {
    return await exchange(socket, isTls, url, options);
  } finally {
    socket.destroy();
  }
}

async function addressOf(host: string, allowLoopback: boolean): Promise<string> {
  const found = isIP(host) === 0 ? await lookup(host, { all: true }) : [{ address: host }];
  for (const { address } of found) {
    const parsed = parseAddress(address);
    if (parsed && mayConnect(parsed, allowLoopback)) return address;
  }
  throw new Error("its address is this machine's or the link's: alerts don't go there");
}

function exchange(
  socket: Socket,
  isTls: boolean,
  url: URL,
  { headers, body, timeoutMs }: PostOptions,
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const timer = setTimeout(() => reject(new Error("no answer in time")), timeoutMs);
  socket.once(isTls ? "secureConnect" : "connect", () => {
    const bytes = Buffer.from(body);
    const head = [
      `POST ${url.pathname}${url.search} HTTP/1.1`,
      `Host: ${url.host}`,
      "Connection: close",
      "User-Agent: Jackfield",
      `Content-Length: ${bytes.length}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ];
    socket.write(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), bytes]));
  });
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk.toString("latin1");
    const status = /^HTTP\/1\.[01] ([1-5][0-9]{2})[ \r]/.exec(answer)?.[1];
    if (status !== undefined) resolve(Number(status));
    else if (answer.length > STATUS_BYTES_MAX) reject(new Error("the answer is no HTTP"));
  });
  socket.on("error", (error) => reject(new Error(error.message)));
  socket.on("close", () => reject(new Error("closed without an answer")));
  return promise.finally(() => clearTimeout(timer));
}
