/** NAT-02, NAT-04: our address as STUN servers see it. */
import { expect, test } from "bun:test";
import { askStun, mappedIn } from "../../../gateway/io/stun-client.ts";
import { BINDING, readStun } from "../../../gateway/stun/stun.ts";
import { StunWriter } from "../../../gateway/stun/stun-writer.ts";

/** RFC 5769 §2.2: the answer for 192.0.2.1:32853. */
const RESPONSE = Uint8Array.fromHex(
  "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96",
);

test("NAT-02: the address is read out of RFC 5769's answer, and out of no other", () => {
  expect(mappedIn(RESPONSE, RESPONSE)).toBe("192.0.2.1");
  const another = RESPONSE.slice();
  another[10] = 1;
  expect(mappedIn(RESPONSE, another)).toBeUndefined();
  const mistaken = RESPONSE.slice();
  mistaken[mistaken.length - 1] = 0;
  expect(mappedIn(mistaken, RESPONSE)).toBeUndefined();
  for (let length = 0; length < RESPONSE.length; length++) {
    expect(mappedIn(RESPONSE.subarray(0, length), RESPONSE)).toBeUndefined();
  }
});

/** A server that answers with that address after so many requests that were lost. */
async function server(lost: number) {
  let left = lost;
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    socket: {
      data: (own, data, port, address) => {
        if (left-- > 0) return;
        const asked = readStun(data);
        if (asked?.class !== "request" || asked.method !== BINDING) return;
        const answer = new StunWriter(new Uint8Array(100))
          .start("success", BINDING, asked.transactionId)
          .xorMappedAddress({ address: "192.0.2.1", port: 32_853 })
          .fingerprint();
        own.send(answer.finish(), port, address);
      },
    },
  });
  return socket;
}

test("NAT-04: all servers are asked; one that is deaf and one that is nowhere say nothing", async () => {
  const servers = await Promise.all([server(0), server(1), server(99)]);
  const names = servers.map(({ port }) => `127.0.0.1:${port}`);
  expect(await askStun([...names, "no.such.host.invalid", "127.0.0.1:1"])).toEqual([
    "192.0.2.1",
    "192.0.2.1",
  ]);
  for (const socket of servers) socket.close();
});

test("NAT-02: an answer with an IPv6 address, of another kind, or with more in it", () => {
  const asked = new StunWriter(new Uint8Array(20)).start("request", BINDING, new Uint8Array(12));
  const request = asked.finish();
  const begun = (kind: "success" | "error" | "request") =>
    new StunWriter(new Uint8Array(200)).start(kind, BINDING, request.subarray(8, 20));
  const ipv4 = { address: "198.51.100.7", port: 9 };
  const ipv6 = { address: "2001:db8::7", port: 9 };
  expect(mappedIn(begun("success").xorMappedAddress(ipv6).finish(), request)).toBeUndefined();
  expect(mappedIn(begun("error").xorMappedAddress(ipv4).finish(), request)).toBeUndefined();
  expect(mappedIn(begun("request").xorMappedAddress(ipv4).finish(), request)).toBeUndefined();
  expect(mappedIn(begun("success").finish(), request)).toBeUndefined();
  // RFC 3489's CHANGED-ADDRESS, which a server of old puts in.
  const old = begun("success").bytes(5, new Uint8Array(8)).xorMappedAddress(ipv4).finish();
  expect(mappedIn(old, request)).toBe(ipv4.address);
});
