/** @jsxImportSource hono/jsx */
/** What firewalls must let through for a connection (NAT-07, REG-12): as facts, and as lines to copy. */
import type { Firewall, FirewallRule } from "../firewall.ts";
import { Card, CodeBlock, Facts } from "./parts.tsx";

const TOOLS: readonly (readonly [keyof Firewall["lines"], string])[] = [
  ["iptables", "iptables"],
  ["nftables", "nftables"],
  ["ufw", "ufw"],
  ["aws", "AWS"],
];

export function FirewallCard({ firewall }: { firewall: Firewall }) {
  const { address, audioAddress, rules, lines } = firewall;
  const audio = audioAddress === undefined ? "" : `, audio at ${audioAddress}`;
  return (
    <Card
      id="firewall"
      title="What firewalls must let through"
      note="As it runs now: beside the gateway, and on the PBX's side or in a carrier's list of our addresses."
    >
      <Facts
        rows={[
          ["Our address", `${address}${audio}`],
          ...rules.map((rule) => [titleOf(rule), factsOf(rule)] as const),
        ]}
      />
      {TOOLS.map(([tool, name]) => (
        <details>
          <summary>Lines for {name}</summary>
          <CodeBlock text={lines[tool].join("\n")} label={`Lines for ${name}`} />
        </details>
      ))}
    </Card>
  );
}

function titleOf({ purpose, direction }: FirewallRule): string {
  return `${purpose[0]?.toUpperCase()}${purpose.slice(1)}, ${direction === "in" ? "coming in" : "going out"}`;
}

function factsOf({ protocol, direction, ports, peers }: FirewallRule): string {
  const range = ports
    ? `port${ports.first === ports.last ? "" : "s"} ${[...new Set([ports.first, ports.last])].join(" to ")}`
    : "any port";
  const whom = peers.length > 0 ? peers.join(", ") : "anywhere";
  return `${protocol.toUpperCase()}, ${range}, ${direction === "in" ? "from" : "to"} ${whom}`;
}
