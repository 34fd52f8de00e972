/** A name server on loopback for one zone of NAPTR and SRV records (RFC 1035 §4); A is not asked of it. */
import { createSocket } from "node:dgram";
import type { NaptrRecord, SrvRecord } from "../../gateway/io/resolver.ts";

const TYPE = { SRV: 33, NAPTR: 35 } as const;
const NAME_ERROR = 3;

export interface Zone {
  naptr?: Record<string, NaptrRecord[]>;
  srv?: Record<string, SrvRecord[]>;
}

export interface NameServer {
  /** `127.0.0.1:port`, as `setServers` takes it. */
  readonly address: string;
  stop(): void;
}

export async function startNameServer(zone: Zone): Promise<NameServer> {
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const { name, type, end } = questionOf(query);
    const data = dataOf(zone, name, type);
    const head = Buffer.from(query.subarray(0, 12));
    head.writeUInt16BE(0x8580 | (data.length > 0 ? 0 : NAME_ERROR), 2);
    head.writeUInt16BE(data.length, 6);
    head.writeUInt16BE(0, 10);
    const answers = data.map((bytes) =>
      // The name is the question's, by pointer; class IN, a minute to live.
      Buffer.concat([u16(0xc00c, type, 1, 0, 60, bytes.length), bytes]),
    );
    socket.send(
      Buffer.concat([head, query.subarray(12, end), ...answers]),
      from.port,
      from.address,
    );
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${socket.address().port}`,
    stop: () => socket.close(),
  };
}

function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join("."), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function dataOf({ naptr = {}, srv = {} }: Zone, name: string, type: number): Buffer[] {
  if (type === TYPE.NAPTR) {
    return (naptr[name] ?? []).map(({ order, preference, flags, service, replacement }) =>
      Buffer.concat([
        u16(order, preference),
        ...[text(flags), text(service), text("")],
        encodedName(replacement),
      ]),
    );
  }
  if (type !== TYPE.SRV) return [];
  return (srv[name] ?? []).map(({ priority, weight, port, name: server }) =>
    Buffer.concat([u16(priority, weight, port), encodedName(server)]),
  );
}

function u16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  values.forEach((value, index) => {
    bytes.writeUInt16BE(value, 2 * index);
  });
  return bytes;
}

function text(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(value, "latin1")]);
}

function encodedName(name: string): Buffer {
  return Buffer.concat([...name.split(".").map(text), Buffer.from([0])]);
}
