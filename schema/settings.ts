/**
 * What holds for the whole gateway and is nobody's in particular: its address behind a NAT, how
 * numbers are written here. Each setting may be absent; what that means stands with it.
 */
import { parseAddress, parseCidr } from "../gateway/address.ts";
import type { NamedInterface } from "../gateway/own-place.ts";
import { ALERT_RULES, type AlertRule } from "../gateway/watch/alert-rules.ts";
import { type CertificateSettings, checkCertificate } from "./certificate-settings.ts";
import {
  checkHost,
  checkPort,
  checkRange,
  type Findings,
  isUnprintable,
  problem,
} from "./findings.ts";

import { checkInterfaces } from "./interfaces.ts";

export interface Settings extends CertificateSettings {
  /**
   * The IP address peers outside see (NAT-02). Absent: asked of the STUN servers and learned from
   * what registrars say they received, else the interface's own.
   */
  readonly externalAddress?: string;
  /** `host` or `host:port` (3478), asked in turn; two at least find out more (NAT-02, NAT-04). */
  readonly stunServers?: readonly string[];
  /** CIDR blocks that are told the interface's own address (NAT-03). */
  readonly localNetworks?: readonly string[];
  /** Further addresses of this machine, for connections that name them (CON-20). */
  readonly interfaces?: readonly NamedInterface[];
  /** How numbers are written here; absent: they are taken as they are dialled (AMB-04). */
  readonly numberPlan?: NumberPlan;
  /**
   * Host names PBXs may address us by, besides our own addresses; absent: any (RTE-14). A call that
   * names another host is not for us.
   */
  readonly domains?: readonly string[];
  /** Whether who is nobody's PBX gets no answer at all (SEC-04); default false: a refusal. */
  readonly silentToStrangers?: boolean;
  /** Numbers no limit and no permission holds up; absent: 112, 911, 999, 110. */
  readonly emergencyNumbers?: readonly string[];
  /** Who is told what is the matter (OPS-03); absent: alerts are on the page only. */
  readonly alerts?: AlertSettings;
}

export interface AlertSettings {
  /** An `https:` or `http:` URL alerts are posted to. */
  readonly webhook?: string;
  /** Rules that are not told. */
  readonly silent?: readonly AlertRule[];
  /** Share of a connection's calls above which it is nearly full: 50 to 100, default 80. */
  readonly capacityPercent?: number;
}

/** National spellings of a number, made international (ITU-T E.164) before patterns are matched. */
export interface NumberPlan {
  /** Digits without `+`: `49`. */
  readonly countryCode: string;
  /** In front of a number of the same country: `0`; absent: there is none. */
  readonly nationalPrefix?: string;
  /** In front of a country code; default `00`. */
  readonly internationalPrefix?: string;
}

const HIDDEN_PATH = "/…";

/** A web hook's host: what stands behind it is often the key to it. What is no URL is hidden whole. */
export function withoutPath(webhook: string): string {
  return `${URL.parse(webhook)?.origin ?? ""}${HIDDEN_PATH}`;
}

/** Whether `withoutPath` made it. */
export function hasNoPath(webhook: string | undefined): boolean {
  return webhook?.endsWith(HIDDEN_PATH) === true;
}

const STUN_SERVERS_MAX = 8;
const BLOCKS_MAX = 100;
const DOMAINS_MAX = 50;
const NUMBERS_MAX = 50;

export function checkSettings(settings: Settings, path: string, findings: Findings): void {
  const { externalAddress, stunServers = [], localNetworks = [], numberPlan } = settings;
  const { domains = [], emergencyNumbers = [] } = settings;
  if (externalAddress !== undefined && !parseAddress(externalAddress)) {
    problem(findings, `${path}.externalAddress`, "an IP address is expected");
  }
  checkCertificate(settings, path, findings);
  if (settings.alerts) checkAlerts(settings.alerts, `${path}.alerts`, findings);
  checkLength(stunServers, STUN_SERVERS_MAX, `${path}.stunServers`, findings);
  stunServers.forEach((server, index) => {
    checkServer(server, `${path}.stunServers[${index}]`, findings);
  });
  checkLength(localNetworks, BLOCKS_MAX, `${path}.localNetworks`, findings);
  localNetworks.forEach((block, index) => {
    if (parseCidr(block)) return;
    const message = "an address or a block is expected, e.g. 192.168.1.0/24";
    problem(findings, `${path}.localNetworks[${index}]`, message);
  });
  checkLength(domains, DOMAINS_MAX, `${path}.domains`, findings);
  domains.forEach((domain, index) => {
    checkHost(domain, `${path}.domains[${index}]`, findings);
  });
  checkInterfaces(settings.interfaces ?? [], `${path}.interfaces`, findings);
  if (numberPlan) checkNumberPlan(numberPlan, `${path}.numberPlan`, findings);
  checkLength(emergencyNumbers, NUMBERS_MAX, `${path}.emergencyNumbers`, findings);
  emergencyNumbers.forEach((number, index) => {
    if (/^[0-9*#]{2,16}$/.test(number)) return;
    problem(findings, `${path}.emergencyNumbers[${index}]`, "2 to 16 digits are expected");
  });
}

function checkAlerts(alerts: AlertSettings, path: string, findings: Findings): void {
  const { webhook, silent = [], capacityPercent } = alerts;
  if (webhook !== undefined && !isWebhook(webhook)) {
    const message = "an https: or http: URL without user and password is expected";
    problem(findings, `${path}.webhook`, message);
  }
  silent.forEach((rule, index) => {
    if (ALERT_RULES.includes(rule)) return;
    problem(findings, `${path}.silent[${index}]`, `one of ${ALERT_RULES.join(", ")} is expected`);
  });
  if (capacityPercent === undefined) return;
  checkRange(capacityPercent, 50, 100, `${path}.capacityPercent`, findings);
}

function isWebhook(text: string): boolean {
  if (isUnprintable(text) || text.length > 2_048 || !URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && username === "" && password === "";
}

export function checkNumberPlan(plan: NumberPlan, path: string, findings: Findings): void {
  if (!/^[1-9][0-9]{0,2}$/.test(plan.countryCode)) {
    problem(findings, `${path}.countryCode`, "1 to 3 digits without + are expected, e.g. 49");
  }
  for (const field of ["nationalPrefix", "internationalPrefix"] as const) {
    const prefix = plan[field];
    if (prefix === undefined || /^[0-9*#]{1,6}$/.test(prefix)) continue;
    problem(findings, `${path}.${field}`, "1 to 6 digits are expected, e.g. 0 or 00");
  }
}

/** `host` and port of `host`, `host:port`, `[IPv6]` or `[IPv6]:port`; undefined for anything else. */
export function parseServer(text: string): { host: string; port: number | undefined } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]]+))(?::([0-9]{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) return undefined;
  return { host, port: match?.[3] === undefined ? undefined : Number(match[3]) };
}

function checkServer(text: string, path: string, findings: Findings): void {
  const server = parseServer(text);
  if (!server) {
    problem(findings, path, "a host or host:port is expected, e.g. stun.example.com:3478");
    return;
  }
  checkHost(server.host, path, findings);
  checkPort(server.port, path, findings);
}

function checkLength(list: readonly unknown[], max: number, path: string, findings: Findings) {
  if (list.length > max) problem(findings, path, `at most ${max} are allowed`);
}
