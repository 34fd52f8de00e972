/**
 * From a routing decision to the legs of a call: who is invited, under which names and addresses
 * (RTE-11, CON-17). The only place where identities of one side become those of the other.
 */

import type { Connection, User } from "../../schema/config.ts";
import type { CodecName, LegId } from "../media/protocol.ts";
import type { Random } from "../random.ts";
import { from } from "../sip/accessors.ts";
import type { Flow } from "../sip/flow.ts";
import type { SipRequest } from "../sip/message.ts";
import type { NameAddr } from "../sip/name-addr.ts";
import type { TransactionId } from "../sip/transaction-table.ts";
import { parseUri, printUri } from "../sip/uri.ts";
import type { CallLegs } from "./call.ts";
import { CalleeLeg, type Invitation } from "./callee-leg.ts";
import { CallerLeg } from "./caller-leg.ts";
import { credentialsOf, localUri, numberUri, routesOf } from "./identity.ts";
import type { CallOrder } from "./order.ts";
import type { Binding } from "./registrar.ts";

/** The softphone side, best first: Opus where the browser has it, else what needs no Opus. */
const WEBRTC_CODECS: readonly CodecName[] = ["opus", "G722", "PCMA", "PCMU"];
const CALLER = "caller" as LegId;

export interface Incoming {
  readonly flow: Flow;
  readonly invite: SipRequest;
  readonly transaction: TransactionId;
  readonly maxForwards: number;
}

/** A softphone calls out over a connection. */
export function outboundLegs(
  incoming: Incoming,
  user: User,
  way: { connection: Connection; contactUser: string; number: string },
  random: Random,
  orders: CallOrder[],
): CallLegs {
  const { connection, contactUser, number } = way;
  const callee = numberUri(connection, number);
  const credentials = credentialsOf(connection);
  const invitation: Invitation = {
    uri: callee,
    from: nameAddr(
      localUri(connection, user.name),
      displayNameOf(incoming.invite) ?? user.displayName,
    ),
    to: nameAddr(callee),
    routes: routesOf(connection),
    maxForwards: incoming.maxForwards - 1,
    ...(credentials ? { credentials } : {}),
  };
  const caller = new CallerLeg(
    { id: CALLER, kind: "webrtc", codecs: WEBRTC_CODECS, contactUser: user.name, random, orders },
    incoming.flow,
    incoming.invite,
    incoming.transaction,
  );
  const id = "callee" as LegId;
  const { codecs } = connection;
  const leg = new CalleeLeg({ id, kind: "trunk", codecs, contactUser, random, orders }, invitation);
  return { caller, callees: [{ leg, flow: undefined }] };
}

/** A PBX calls a user: every device of the user's rings. */
export function inboundLegs(
  incoming: Incoming,
  connection: Connection,
  contactUser: string,
  devices: readonly Binding[],
  random: Random,
  orders: CallOrder[],
): CallLegs {
  const { codecs } = connection;
  const caller = new CallerLeg(
    { id: CALLER, kind: "trunk", codecs, contactUser, random, orders },
    incoming.flow,
    incoming.invite,
    incoming.transaction,
  );
  const callees = devices.map((device, index) => {
    const id = `device-${index + 1}` as LegId;
    const options = { id, kind: "webrtc", codecs: WEBRTC_CODECS, random, orders } as const;
    const number = callerNumber(incoming.invite);
    const leg = new CalleeLeg(
      { ...options, contactUser: number },
      {
        uri: device.contact.uri,
        from: nameAddr(`sip:${number}@${device.flow.sentBy}`, displayNameOf(incoming.invite)),
        to: nameAddr(device.contact.uri),
        routes: [],
        maxForwards: incoming.maxForwards - 1,
      },
    );
    return { leg, flow: device.flow };
  });
  return { caller, callees };
}

/** The caller's number as the user part of a URI of ours, percent-encoded. */
export function callerNumber(invite: SipRequest): string {
  const user = parseUri(from(invite).uri)?.user ?? "anonymous";
  const printed = printUri({ scheme: "sip", user, host: "h", params: new Map() });
  return printed.slice("sip:".length, -"@h".length);
}

function displayNameOf(invite: SipRequest): string | undefined {
  return from(invite).displayName;
}

function nameAddr(uri: string, displayName?: string): NameAddr {
  const params = new Map<string, string | undefined>();
  return displayName ? { displayName, uri, params } : { uri, params };
}
