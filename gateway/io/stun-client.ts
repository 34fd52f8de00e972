/**
 * Our own address as others see it: a Binding request to STUN servers (RFC 8489 §7.2.1, §14.2), each
 * from a socket of its own. What does not answer in time says nothing. Below: the messages, in
 * stun/.
 */
import { lookup } from "node:dns/promises";
import { isIP, isIPv4 } from "node:net";
import { BINDING, readStun, STUN_HEADER_BYTES } from "../stun/stun.ts";
import { StunWriter } from "../stun/stun-writer.ts";
import { systemRandom } from "./random.ts";

const PORT = 3_478;
const TRANSACTION_ID_BYTES = 12;
/** A datagram may be lost: three are sent. */
const REPEAT_MS = 400;
const PATIENCE_MS = 2_000;

/** The IPv4 addresses the servers saw, one for each that answered. `servers`: `host` or `host:port`. */
export async function askStun(servers: readonly string[]): Promise<string[]> {
  const answers = await Promise.all(servers.map((it) => askOne(it).catch(() => undefined)));
  return answers.filter((it) => it !== undefined);
}

async function askOne(server: string): Promise<string | undefined> {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::([0-9]+))?$/.exec(server);
  const host = match?.[1] ?? match?.[2] ?? "";
  const port = Number(match?.[3] ?? PORT);
  const address = isIP(host) > 0 ? host : (await lookup(host, { family: 4 })).address;
  const request = new StunWriter(new Uint8Array(STUN_HEADER_BYTES))
    .start("request", BINDING, systemRandom.bytes(TRANSACTION_ID_BYTES))
    .finish();
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = await Bun.udpSocket({
    socket: {
      data: (_socket, data, fromPort, from) => {
        const mapped = from === address && fromPort === port ? mappedIn(data, request) : undefined;
        if (mapped !== undefined) resolve(mapped);
      },
      error: () => {},
    },
  });
  const send = () => {
    try {
      socket.send(request, port, address);
    } catch {
      // An ICMP refusal of an earlier one; silence says the same.
    }
  };
  send();
  const repeat = setInterval(send, REPEAT_MS);
  const patience = setTimeout(() => resolve(undefined), PATIENCE_MS);
  try {
    return await promise;
  } finally {
    clearInterval(repeat);
    clearTimeout(patience);
    socket.close();
  }
}

/**
 * The IPv4 address an answer to that very request tells; undefined for any other datagram. Servers
 * of old say more than RFC 8489 knows (RFC 3489 §11.2): what else is in it doesn't matter.
 */
export function mappedIn(datagram: Uint8Array, request: Uint8Array): string | undefined {
  const answer = readStun(datagram);
  if (answer?.class !== "success" || answer.method !== BINDING) return undefined;
  if (answer.fingerprint === "wrong") return undefined;
  const asked = request.subarray(STUN_HEADER_BYTES - TRANSACTION_ID_BYTES, STUN_HEADER_BYTES);
  if (!answer.transactionId.every((byte, at) => byte === asked[at])) return undefined;
  const address = answer.xorMappedAddress?.address;
  return address !== undefined && isIPv4(address) ? address : undefined;
}
