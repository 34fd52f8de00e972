/** Whom a PBX's request is addressed to (RTE-14): one of our domains, or an address of ours. */
import type { Flow } from "../sip/flow.ts";
import { parseHostPort } from "../sip/grammar.ts";
import type { SipRequest } from "../sip/message.ts";
import { parseUri } from "../sip/uri.ts";

/**
 * The host it names where that is none of ours; undefined where it is, or where no domains are set.
 * What the peer is told of us, and where it reached us, are ours in any case.
 */
export function foreignHost(
  request: SipRequest,
  flow: Flow,
  domains: readonly string[] | undefined,
): string | undefined {
  const host = parseUri(request.uri)?.host.toLowerCase();
  if (domains === undefined || host === undefined) return undefined;
  const addresses = [flow.local.address, parseHostPort(flow.sentBy)?.host];
  const ours = [...domains, ...addresses].map((it) => it?.toLowerCase());
  return ours.includes(host) ? undefined : host;
}
