/** What states are called, and how good they are. */
import type { CallStatus, ConnectionStatus, MediaMode } from "../../gateway/b2bua/status.ts";
import type { Tone } from "./dom.ts";

const REGISTRATIONS: Readonly<Record<ConnectionStatus["registration"], readonly [Tone, string]>> = {
  "not-applicable": ["idle", "Trunk"],
  disabled: ["idle", "Switched off"],
  awaited: ["idle", "Not registered yet"],
  idle: ["idle", "Not yet asked"],
  registering: ["busy", "Registering"],
  registered: ["good", "Registered"],
  refreshing: ["good", "Registered"],
  failed: ["bad", "Failed"],
  "auth-failed": ["bad", "Refused"],
  unreachable: ["bad", "Unreachable"],
  unregistering: ["warn", "Unregistering"],
};

const REACHED = {
  ok: ["good", "Reachable"],
  degraded: ["warn", "In doubt"],
  down: ["bad", "Down"],
} as const;

export interface Health {
  readonly tone: Tone;
  readonly word: string;
  /** Why it is so, in one line. */
  readonly reason: string;
}

/** Registration and reachability in one: the worse of them speaks. */
/** NAT-09: calls from there may not arrive. */
function rewritten({ boundAs }: ConnectionStatus): string {
  if (boundAs === undefined) return "";
  return `the PBX would call us at ${boundAs}, which is not what it was told: switch off SIP ALG in the router`;
}

export function healthOf(connection: ConnectionStatus): Health {
  const { registration, reachability } = connection;
  const [tone, word] = REGISTRATIONS[registration];
  const reason = [connection.reason, rewritten(connection)].filter(Boolean).join(" · ");
  if (!reachability || reachability.state === "unknown") return { tone, word, reason };
  const [reachTone, reachWord] = REACHED[reachability.state];
  const trip = reachability.roundTripMs;
  const there =
    reachability.state === "ok" && trip !== undefined
      ? `${reachability.reason} in ${trip} ms`
      : reachability.reason;
  if (registration === "not-applicable") {
    return { tone: reachTone, word: reachWord, reason: there };
  }
  const worst = reachability.state === "ok" || tone === "bad" ? tone : reachTone;
  return { tone: worst, word, reason: [reason, there].filter(Boolean).join(" · ") };
}

export const CALL_STATES: Readonly<Record<CallStatus["state"], readonly [Tone, string]>> = {
  routing: ["busy", "Routing"],
  ringing: ["busy", "Ringing"],
  early: ["busy", "Early media"],
  connected: ["good", "Connected"],
  ending: ["idle", "Ending"],
};

export const MODES: Readonly<Record<MediaMode, string>> = {
  transcode: "Transcoded",
  bridge: "Bridged",
  relay: "Relayed",
};

const SIDES = { webrtc: "softphone", trunk: "PBX" } as const;

/** The worst score of a call's directions now, with what it is made of; none measured: undefined. */
export function soundOf(
  quality: CallStatus["quality"] = [],
): { readonly mos: number; readonly tone: Tone; readonly details: string } | undefined {
  const ways = quality.flatMap((leg) => [
    { name: `${SIDES[leg.kind]} to us`, way: leg.received, leg },
    { name: `us to ${SIDES[leg.kind]}`, way: leg.sent, leg },
  ]);
  const lines: string[] = [];
  let worst: number | undefined;
  for (const { name, way, leg } of ways) {
    if (!way) continue;
    worst = Math.min(worst ?? way.mosNow, way.mosNow);
    const loss = `${(way.lossNow * 100).toFixed(1)} % lost`;
    const trip = leg.roundTripMs === undefined ? "" : `, round trip ${leg.roundTripMs} ms`;
    const basis = way.basis === "estimated" ? " (estimated)" : "";
    const mos = way.mosNow.toFixed(1);
    lines.push(`${name}: MOS ${mos}, ${loss}, jitter ${way.jitterMs} ms${trip}${basis}`);
  }
  for (const { kind, dropped = {} } of quality) {
    for (const [why, count] of Object.entries(dropped)) {
      lines.push(`${SIDES[kind]}: ${count} not used (${why})`);
    }
  }
  if (worst === undefined) return undefined;
  // Below 3.6 people are disturbed (ITU-T G.107 annex B: many users dissatisfied).
  const tone = worst >= 4 ? "good" : worst >= 3.6 ? "warn" : "bad";
  return { mos: worst, tone, details: lines.join("\n") };
}
