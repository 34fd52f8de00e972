/**
 * A call that is up, as it is kept against the gateway's own sudden end (R2): what its record needs,
 * and of each dialog with a PBX what a BYE needs. Values alone, as JSON has them.
 */
import type { ConnectionId } from "../../schema/config.ts";
import type { WallMillis } from "../machine.ts";
import { type Dialog, requestIn } from "../sip/dialog.ts";
import type { SipRequest } from "../sip/message.ts";
import { parseNameAddr, printNameAddr } from "../sip/name-addr.ts";
import type { LiveCall, LiveLeg } from "./call-table.ts";
import { reasonValue } from "./reason.ts";
import type { CallRecord, CallStatus } from "./status.ts";

/** RFC 3261 §12: a dialog in words. */
export interface StandingDialog {
  readonly connection: ConnectionId;
  readonly callId: string;
  readonly local: string;
  readonly remote: string;
  readonly routes: readonly string[];
  readonly remoteTarget: string;
  readonly sequence: number;
}

export interface StandingCall {
  readonly call: Omit<CallStatus, "state">;
  readonly dialogs: readonly StandingDialog[];
}

/** Requests of ours that a dialog may have had since it was kept: session refreshes, re-offers. */
const SEQUENCE_MARGIN = 10_000;
const ENDING = { status: 500, reason: "the gateway was restarted", q850: 41 } as const;

/** The call as it is to be kept, where one of its legs has come up since the last time. */
export function newlyStanding(live: LiveCall): StandingCall | undefined {
  const { call, legs } = live;
  const isUp = ({ id }: LiveLeg) => call.legOf(id)?.state === "confirmed";
  let isNews = false;
  for (const leg of legs) {
    if (leg.stands || !isUp(leg)) continue;
    leg.stands = true;
    isNews = true;
  }
  if (!isNews) return undefined;
  const { state: _state, ...status } = call.status();
  const dialogs = [...legs].filter(isUp).flatMap(({ id, trunk }) => {
    const dialog = call.legOf(id)?.dialog;
    return trunk && dialog ? [standingDialog(trunk.connection.id, dialog)] : [];
  });
  return { call: status, dialogs };
}

function standingDialog(connection: ConnectionId, dialog: Dialog): StandingDialog {
  const { callId, local, remote, routes, remoteTarget, localSequence: sequence } = dialog;
  return {
    ...{ connection, callId, remoteTarget, sequence },
    local: printNameAddr(local),
    remote: printNameAddr({ ...remote, params: new Map([["tag", dialog.remoteTag]]) }),
    routes: routes.map(printNameAddr),
  };
}

/** The BYE that ends it (RFC 3261 §15.1.1); undefined where it can't be read. */
export function goodbyeOf(standing: StandingDialog): SipRequest | undefined {
  const { callId, remoteTarget, sequence } = standing;
  const [local, remote] = [parseNameAddr(standing.local), parseNameAddr(standing.remote)];
  const routes = standing.routes.flatMap((it) => parseNameAddr(it) ?? []);
  if (!local || !remote || routes.length < standing.routes.length) return undefined;
  const dialog: Dialog = {
    ...{ callId, local, remote, routes, remoteTarget },
    localTag: local.params.get("tag") ?? "",
    remoteTag: remote.params.get("tag") ?? "",
    localSequence: sequence + SEQUENCE_MARGIN,
    remoteSequence: undefined,
  };
  return requestIn(dialog, "BYE", { headers: [["Reason", reasonValue(ENDING)]] });
}

/** What is known of a call that nobody saw the end of. */
export function brokenRecord({ call }: StandingCall, ended: WallMillis): CallRecord {
  const reason = "the gateway ended without warning while the call was up";
  const status = call.answered === undefined ? ENDING.status : 200;
  return { ...call, ended, status, endedBy: "gateway", reason, cause: ENDING.q850 };
}
