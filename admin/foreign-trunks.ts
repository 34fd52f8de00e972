/**
 * Trunks in the words of other products (CON-24): Register, Peer and Account, with the field names
 * their forms have, become connections of ours. What isn't known is refused, not passed over.
 */
import type { Problem } from "../schema/config.ts";
import { LABELS, ownOf, type Reading, takeCodecs } from "./foreign-labels.ts";
import { textList } from "./text-list.ts";

export interface ForeignTrunks {
  /** As the API takes connections. */
  connections: Record<string, unknown>[];
  /** Of each connection the trunk it came from: one with several hosts becomes several. */
  origins: number[];
  problems: Problem[];
}

/** Their names, without spaces and marks, and in lower case, for our fields. */
const FIELDS: Readonly<Record<string, string>> = {
  name: "name",
  trunkname: "name",
  enabled: "enabled",
  port: "port",
  transport: "transport",
  username: "username",
  password: "password",
  secret: "password",
  authid: "authId",
  authusername: "authId",
  fromuser: "fromUser",
  fromdomain: "fromDomain",
  outboundproxy: "outboundProxy",
  realm: "realm",
  weight: "weight",
  priority: "weight",
  maxcalls: "maxCalls",
  maxchannels: "maxCalls",
  maxregistrations: "maxRegistrations",
  registrationinterval: "registrationExpires",
  registerexpires: "registrationExpires",
};
const HOSTS = ["host", "hostserver", "domain", "hosts", "server", "registrar"];
const ADDRESSES = ["allow", "peerip", "peerips", "ip", "ips", "ipaddress", "ipaddresses"];
const NUMBERS = ["virtualnumber", "virtualphonenumber", "did"];
const PATTERNS = ["dialpatterns", "patterns"];
const TYPES = ["type", "trunktype"];

export function foreignTrunks(trunks: readonly Record<string, unknown>[]): ForeignTrunks {
  const connections: Record<string, unknown>[] = [];
  const origins: number[] = [];
  const problems: Problem[] = [];
  trunks.forEach((trunk, index) => {
    const path = `trunks[${index}]`;
    const fields = new Map(
      Object.entries(trunk).map(([key, value]) => [
        key.toLowerCase().replace(/[\s_/-]/g, ""),
        value,
      ]),
    );
    const take = (names: readonly string[]): unknown => {
      const name = names.find((it) => fields.has(it));
      const value = name === undefined ? undefined : fields.get(name);
      if (name !== undefined) fields.delete(name);
      return value;
    };
    const type = String(take(TYPES) ?? "").toLowerCase();
    if (!["register", "peer", "account"].includes(type)) {
      problems.push({ path: `${path}.type`, message: "Register, Peer or Account is expected" });
      return;
    }
    const hosts = listOf(take(HOSTS));
    const codecs = takeCodecs(fields);
    const base = connectionOf(type, { hosts, allow: listOf(take(ADDRESSES)) });
    const number = take(NUMBERS);
    const patterns = listOf(take(PATTERNS)).map((pattern) => ({ pattern }));
    const known: Record<string, unknown> = {};
    const note = (name: string, reading: Reading) => {
      const wrong = "problem" in reading ? reading.problem : addTo(known, reading.fields);
      if (wrong !== undefined) problems.push({ path: `${path}.${name}`, message: wrong });
    };
    note("codecs", codecs);
    for (const [name, value] of fields) note(name, readingOf(name, value));
    const fromUser = known["fromUser"] ?? number;
    const one = {
      ...base,
      ...(patterns.length > 0 ? { patterns } : {}),
      ...known,
      ...(fromUser === undefined ? {} : { fromUser }),
      ...proxyOf(known["outboundProxy"]),
    };
    const made = perHost(one, hosts);
    connections.push(...made);
    origins.push(...made.map(() => index));
  });
  return { connections, origins, problems };
}

function readingOf(name: string, value: unknown): Reading {
  const field = ownOf(FIELDS, name);
  if (field !== undefined) {
    return { fields: { [field]: field === "transport" ? String(value).toLowerCase() : value } };
  }
  return ownOf(LABELS, name)?.(value) ?? { problem: "this field has no counterpart here" };
}

/** What is wrong with that: two labels of one thing may not contradict each other. */
function addTo(known: Record<string, unknown>, more: Record<string, unknown>): string | undefined {
  for (const [field, value] of Object.entries(more)) {
    if (field in known && known[field] !== value) {
      return `it contradicts another field: ${field} is ${known[field]} there, and ${value} here`;
    }
    known[field] = value;
  }
  return undefined;
}

/** Register and Account register with the PBX; a Peer is known by its addresses. */
function connectionOf(
  type: string,
  { hosts, allow }: { hosts: readonly string[]; allow: readonly string[] },
): Record<string, unknown> {
  if (type !== "peer") return { type: "outbound-registration", allow };
  // A peer whose host is an address is known by it.
  const addresses = hosts.filter((host) => /^[0-9.]+$|:/.test(host));
  return { type: "outbound-trunk", allow: allow.length > 0 ? allow : addresses };
}

/** Several hosts are several connections that stand in for each other, in their order. */
function perHost(one: Record<string, unknown>, hosts: readonly string[]) {
  if (hosts.length <= 1) return [{ ...one, host: hosts[0] ?? "" }];
  const name = String(one["name"] ?? "");
  return hosts.map((host, at) => ({
    ...one,
    host,
    name: at === 0 ? name : `${name} (${at + 1})`,
    weight: Number(one["weight"] ?? 100) + at,
    failoverGroup: { name },
  }));
}

function proxyOf(value: unknown): { outboundProxy?: unknown } {
  if (typeof value !== "string") return {};
  const match = /^(.*?)(?::([0-9]{1,5}))?$/.exec(value.trim());
  const port = match?.[2];
  return {
    outboundProxy: {
      host: match?.[1] ?? "",
      ...(port === undefined ? {} : { port: Number(port) }),
    },
  };
}

function listOf(value: unknown): string[] {
  const values = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return values.flatMap((it) => textList(String(it)));
}
