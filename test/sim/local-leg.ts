/** What a media worker says of a leg it opened, where a test has no worker. */
import type { LegKind, LocalLeg } from "../../gateway/media/protocol.ts";

/** 32 bytes as a fingerprint writes them. */
export const DIGEST = Array.from({ length: 32 }, () => "AB").join(":");

export function localLeg<Kind extends LegKind>(
  kind: Kind,
  address: string,
  seq: number,
): Extract<LocalLeg, { kind: Kind }>;
export function localLeg(kind: LegKind, address: string, seq: number): LocalLeg {
  const fingerprint = { algorithm: "sha-256", value: DIGEST } as const;
  const common = { fingerprint, ssrc: seq, cname: "gateway" };
  const rtp = { address, port: 10_000 };
  if (kind === "trunk") return { kind, rtp, rtcp: { address, port: 10_001 }, ...common };
  return {
    kind,
    candidates: [{ address, port: 20_000 }],
    ice: { ufrag: `ours${seq}`, password: "p".repeat(24) },
    ...common,
  };
}
