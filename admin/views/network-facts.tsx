/** @jsxImportSource hono/jsx */
/** Where the gateway is, as it runs: the addresses it listens at, and the ones others are told. */
import type { InterfaceStatus, NetworkStatus } from "../../gateway/b2bua/status.ts";
import { Facts } from "./parts.tsx";

const SOURCES: Readonly<Record<NetworkStatus["addressFrom"], string>> = {
  "command line": "as --external-ip says",
  setting: "as the settings say",
  stun: "found by STUN",
  registrar: "as a registrar saw it",
  interface: "of this machine's own interface",
};

export function NetworkFacts({ network }: { network: NetworkStatus }) {
  const { address, addressFrom, bound, sipPort, sipTlsPort, rtpPorts, webrtcPorts } = network;
  const { interfaces } = network;
  const range = ({ first, last }: { first: number; last: number }) =>
    first === last ? String(first) : `${first} to ${last}`;
  return (
    <Facts
      rows={[
        ["Seen from outside", `${address}, ${SOURCES[addressFrom]}`],
        ["SIP", `port ${sipPort}, UDP and TCP, at ${named(bound.sip)}`],
        [
          "SIP over TLS",
          sipTlsPort
            ? `port ${sipTlsPort}, at ${named(bound.sipTls)}`
            : "off without a certificate",
        ],
        ["Audio to PBXs", `UDP ports ${range(rtpPorts)}, at ${named(bound.media)}`],
        ["Audio to browsers", `UDP ports ${range(webrtcPorts)}, at ${named(bound.media)}`],
        ...interfaces.map((it) => [`Interface ${it.name}`, interfaceText(it)] as const),
      ]}
    />
  );
}

function interfaceText({ bound, address, sipPort, sipTlsPort, problem }: InterfaceStatus): string {
  if (problem !== undefined) return problem;
  const seen = address === bound ? "" : `, seen as ${address}`;
  const tls = sipTlsPort === undefined ? "" : `, TLS ${sipTlsPort}`;
  return `${bound}${seen}, ${sipPort === undefined ? "audio alone" : `SIP port ${sipPort}${tls}`}`;
}

function named(host: string): string {
  return host === "0.0.0.0" || host === "::" ? "every address" : host;
}
