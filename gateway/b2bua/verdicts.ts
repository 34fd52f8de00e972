/** What routing and the media workers decided, in sentences for the evidence of a call. */
import type { Notice } from "../media/protocol.ts";
import type { RouteAsk } from "./destination.ts";
import type { Directed } from "./director.ts";
import type { Verdict } from "./tracer.ts";

/** Whom the number belongs to, and what each connection that was asked said to it. */
export function routeVerdicts(directed: Directed): Verdict[] {
  const said = (directed.steps ?? []).map(({ connection, outcome }): Verdict => {
    const text = outcome.startsWith(connection) ? outcome : `${connection}: ${outcome}`;
    return { about: "candidate", text };
  });
  if (!directed.ok) {
    return [
      ...said,
      { about: "route", text: `refused with ${directed.status}: ${directed.reason}` },
    ];
  }
  const { candidates, standIn, ringForMs } = directed.destination;
  const devices = candidates.filter(({ kind }) => kind === "webrtc").length;
  const ring = `rings ${devices} softphone${devices === 1 ? "" : "s"} of ${directed.callee}`;
  const forSeconds = ringForMs === undefined ? "" : ` for ${ringForMs / 1_000} s at most`;
  const sent = candidates[0]?.invitation.uri ?? directed.callee;
  const text = devices > 0 ? `${ring}${forSeconds}` : `the call goes to ${sent}`;
  const verdicts: Verdict[] = [...said, { about: "route", text }];
  if (standIn) {
    verdicts.push({ about: "failover", text: "another connection stands in if this one fails" });
  }
  return verdicts;
}

/** Why a running call goes elsewhere. */
export function detourText({ why, because, diverted, uri }: RouteAsk): string {
  switch (why) {
    case "failover":
      return `another connection is asked: ${because ?? "the one before failed"}`;
    case "forward":
      return `forwarded (${diverted?.reason ?? "by the user"})`;
    case "redirect":
      return `redirected to ${uri}`;
    case "transfer":
      return `transferred to ${uri}`;
  }
}

/** Undefined for what is no news. */
export function mediaText(notice: Notice, name: string): string | undefined {
  switch (notice.type) {
    case "flowing":
      return `audio arrives from ${name}`;
    case "silent":
      return `no audio from ${name} for ${Math.round(notice.forMs / 1_000)} s`;
    case "failed":
      return `the audio of ${name} failed (${notice.reason}): ${notice.detail}`;
    default:
      return undefined;
  }
}
