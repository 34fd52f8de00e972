/** What WebRTC itself says of a page's audio: its RTCPeerConnections are kept and asked. */

import type { CodecsInUse, PacketCounts } from "./page-face.ts";

const connections: RTCPeerConnection[] = [];

export function keepConnections(): void {
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...args: ConstructorParameters<typeof RTCPeerConnection>) {
      super(...args);
      connections.push(this);
    }
  };
}

interface StreamReport {
  id: string;
  type: string;
  codecId?: string;
  mimeType?: string;
  packetsSent?: number;
  bytesSent?: number;
  packetsReceived?: number;
  packetsLost?: number;
}

/** Over all calls since the page was loaded that are not over. */
export async function packets(): Promise<PacketCounts> {
  const counts = { sent: 0, sentBytes: 0, received: 0, lost: 0, reportedLost: 0 };
  for (const report of await reports()) {
    if (report.type === "outbound-rtp") {
      counts.sent += report.packetsSent ?? 0;
      counts.sentBytes += report.bytesSent ?? 0;
    }
    if (report.type === "remote-inbound-rtp") counts.reportedLost += report.packetsLost ?? 0;
    if (report.type !== "inbound-rtp") continue;
    counts.received += report.packetsReceived ?? 0;
    counts.lost += report.packetsLost ?? 0;
  }
  return counts;
}

/** MIME types, of every stream that is there. */
export async function codecs(): Promise<CodecsInUse> {
  const all = await reports();
  const namesOf = (type: string) =>
    all
      .filter((report) => report.type === type)
      .map(({ codecId }) => all.find(({ id }) => id === codecId)?.mimeType ?? "unknown");
  return { sent: namesOf("outbound-rtp"), received: namesOf("inbound-rtp") };
}

async function reports(): Promise<StreamReport[]> {
  const all = await Promise.all(connections.map((connection) => connection.getStats()));
  return all.flatMap((each) => [...each.values()] as StreamReport[]);
}
