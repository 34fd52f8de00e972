/**
 * What a registrar's answer tells of the way between us: where it sees us (RFC 3581 §4, NAT-02), and
 * whether it has another address for us than we said, which a SIP ALG on the way does, or the PBX's
 * own handling of NAT (NAT-09).
 */
import { parseAddress } from "../address.ts";
import { contacts, readVias } from "../sip/accessors.ts";
import type { Flow } from "../sip/flow.ts";
import { parseHostPort, printHostPort } from "../sip/grammar.ts";
import type { SipResponse } from "../sip/message.ts";
import { parseUri } from "../sip/uri.ts";

export interface RegisteredWay {
  /** The IP address it saw the REGISTER come from. */
  readonly seenAs?: string;
  /** `host:port` it would call us at, where that is not what we said. */
  readonly boundAs?: string;
}

/** Of the 200 to a REGISTER that named `contactUser` and went over `flow`. */
export function registeredWay(
  response: SipResponse,
  contactUser: string,
  flow: Flow,
): RegisteredWay {
  const [via] = readVias(response.headers) ?? [];
  // §4: it says where from only where that is not what the Via names.
  const named = via && parseAddress(via.host) ? via.host : undefined;
  const seenAs = via?.params.get("received") ?? named;
  const bindings = contacts(response);
  const ours =
    bindings === "*"
      ? []
      : bindings.map(({ uri }) => parseUri(uri)).filter((it) => it?.user === contactUser);
  const said = parseHostPort(flow.sentBy);
  const isAsSaid = ours.some(
    (it) => it?.host === said?.host && (it?.port ?? 5_060) === (said?.port ?? 5_060),
  );
  const [other] = ours;
  const boundAs =
    other && !isAsSaid ? printHostPort({ host: other.host, port: other.port ?? 5_060 }) : undefined;
  return {
    ...(seenAs === undefined ? {} : { seenAs }),
    ...(boundAs === undefined ? {} : { boundAs }),
  };
}
