import { expect, test } from "bun:test";
import { post } from "../../../gateway/io/outbound-post.ts";

const OPTIONS = { headers: { "X-Test": "1" }, body: "{}", allowLoopback: true, timeoutMs: 2_000 };

test("D16: one POST, and of the answer its status alone; redirects are not followed", async () => {
  const seen: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      seen.push(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`);
      return new Response("secret", { status: 302, headers: { Location: "/elsewhere" } });
    },
  });
  expect(await post(new URL(`http://127.0.0.1:${server.port}/hook?a=1`), OPTIONS)).toBe(302);
  expect(seen).toEqual(["POST /hook {}"]);
  await server.stop(true);
});

test("D16: this machine, the link and clouds' secrets are not connected to", async () => {
  let connected = 0;
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => {
      connected++;
      return new Response("");
    },
  });
  const closed = { ...OPTIONS, allowLoopback: false };
  const hosts = [
    "127.0.0.1",
    "localhost",
    "[::1]",
    "2130706433",
    "0x7f.1",
    "0.0.0.0",
    "169.254.169.254",
  ];
  for (const host of hosts) {
    const url = new URL(`http://${host}:${server.port}/`);
    const error = await post(url, closed).then(
      () => new Error("it was sent"),
      (thrown: Error) => thrown,
    );
    expect([host, error.message]).toEqual([host, expect.stringContaining("alerts don't go there")]);
  }
  expect(connected).toBe(0);
  await server.stop(true);
});

test("what says nothing, or is no HTTP, ends in words", async () => {
  const fault = (url: string) =>
    post(new URL(url), { ...OPTIONS, timeoutMs: 300 }).then(
      () => "",
      (error: Error) => error.message,
    );
  const silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  expect(await fault(`http://127.0.0.1:${silent.port}/`)).toBe("no answer in time");
  const talker = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { open: (socket) => void socket.write("x".repeat(9_000)), data: () => {} },
  });
  expect(await fault(`http://127.0.0.1:${talker.port}/`)).toBe("the answer is no HTTP");
  silent.stop(true);
  talker.stop(true);
  expect(await fault(`http://127.0.0.1:${silent.port}/`)).not.toBe("");
});
