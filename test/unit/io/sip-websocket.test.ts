/** Who may open the SIP WebSocket by what a browser says of the page: asked as bytes on a socket. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect } from "node:net";
import { sipWebSocket } from "../../../gateway/io/sip-websocket.ts";

const HOST = "gateway.example:8443";
const LISTED = "https://phone.example";

const opened: string[] = [];
const sockets = sipWebSocket({
  origins: [LISTED, "http://localhost:3000"],
  feed: (event) => {
    if (event.type === "opened") opened.push(event.flow.origin ?? "none");
  },
});
let server: ReturnType<typeof Bun.serve>;
beforeAll(() => {
  server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    websocket: sockets.handlers,
    fetch: (request, it) => sockets.upgrade(request, it),
  });
});
afterAll(() => server.stop(true));

/** The status of an upgrade with that Origin; absent without one. */
async function statusOf(
  origin: string | undefined,
  extra: readonly string[] = [],
): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const socket = connect(server.port ?? 0, "127.0.0.1", () => {
    const lines = [
      "GET /sip HTTP/1.1",
      `Host: ${HOST}`,
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Protocol: sip",
      ...(origin === undefined ? [] : [`Origin: ${origin}`]),
      ...extra,
    ];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  });
  socket.once("data", (bytes) => resolve(bytes.toString("latin1")));
  socket.once("error", reject);
  socket.once("close", () => reject(new Error(`closed without an answer: ${origin}`)));
  const answer = await promise;
  socket.destroy();
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
}

const FOREIGN = [
  "https://evil.example",
  "http://evil.example",
  "https://evil.example:8443",
  "null",
  "NULL",
  "undefined",
  "*",
  "https://*",
  // Of the gateway's name.
  "https://sub.gateway.example:8443",
  "https://gateway.example.evil.example:8443",
  "https://evil-gateway.example:8443",
  "https://gateway.example",
  "http://gateway.example",
  "https://gateway.example:443",
  "https://gateway.example:8444",
  "https://gateway.example:84430",
  "https://gateway.example:08443",
  "https://gateway.example.:8443",
  "https://gateway.example:8443.evil.example",
  "https://gateway.example:8443@evil.example",
  "https://evil.example@gateway.example:8443",
  "https://evil.example#@gateway.example:8443",
  "https://evil.example?gateway.example:8443",
  "https://evil.example/gateway.example:8443",
  "https://evil.example\\@gateway.example:8443",
  "https://gateway.example:8443/",
  "https://gateway.example:8443/path",
  "https://gateway.example:8443?query",
  "https://GATEWAY.example:8443",
  "HTTPS://gateway.example:8443",
  "gateway.example:8443",
  "//gateway.example:8443",
  "ftp://gateway.example:8443",
  "ws://gateway.example:8443",
  "wss://gateway.example:8443",
  "file://gateway.example:8443",
  "blob:https://gateway.example:8443",
  "javascript://gateway.example:8443",
  "chrome-extension://gateway.example:8443",
  "https://gateway.example:8443, https://evil.example",
  "https://evil.example, https://gateway.example:8443",
  "https://gateway.example:8443 https://evil.example",
  "https://gateway%2eexample:8443",
  // Of the listed one.
  "https://phone.example.evil.example",
  "https://sub.phone.example",
  "https://phone.example:444",
  "http://phone.example",
  "https://phone.example/",
  "https://PHONE.example",
  "https://phone.example.",
  "https://phone.example, https://evil.example",
  "http://localhost",
  "http://localhost:3001",
  "https://localhost:3000",
  "http://127.0.0.1:3000",
];

test("W1: an upgrade from any page but the gateway's own and the listed ones is 403", async () => {
  expect(FOREIGN.length).toBeGreaterThanOrEqual(50);
  for (const origin of FOREIGN) expect([origin, await statusOf(origin)]).toEqual([origin, 403]);
  // Nor by headers that proxies and old browsers know.
  const extra = ["X-Forwarded-Host: evil.example", "Sec-WebSocket-Origin: https://phone.example"];
  expect(await statusOf("https://evil.example", extra)).toBe(403);
  expect(opened).toEqual([]);
});

test("W1: the gateway's own pages, listed ones, and programs without an origin get through", async () => {
  for (const origin of [
    "https://gateway.example:8443",
    // TLS may end before the gateway.
    "http://gateway.example:8443",
    LISTED,
    "http://localhost:3000",
    undefined,
  ]) {
    expect([origin, await statusOf(origin)]).toEqual([origin, 101]);
  }
});
