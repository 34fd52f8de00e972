/** Short of time, a softphone is asked for what the connection of its call speaks: no codec runs. */
import { isAtLeast, type LoadLevel } from "../load-ladder.ts";
import type { CodecName, LegKind } from "../media/protocol.ts";
import type { Destination } from "./destination.ts";

interface Side {
  readonly kind: LegKind;
  readonly codecs: readonly CodecName[];
}

/** The codecs for the caller, and the destination with those for who is called. */
export function spared(load: LoadLevel, caller: Side, destination: Destination) {
  const { candidates } = destination;
  const trunk = [caller, ...candidates].find(({ kind }) => kind === "trunk");
  if (!trunk || !isAtLeast(load, "sparing")) return { codecs: caller.codecs, destination };
  const codecsOf = ({ kind, codecs }: Side) => {
    return kind === "webrtc" ? [...new Set([...trunk.codecs, ...codecs])] : codecs;
  };
  const asked = candidates.map((it) => ({ ...it, codecs: codecsOf(it) }));
  return { codecs: codecsOf(caller), destination: { ...destination, candidates: asked } };
}
