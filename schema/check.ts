/**
 * What is wrong with a configuration, and what would be right: the same words through the API, an
 * import or a form. Problems keep it from being saved; warnings do not.
 */
import { RE2JS } from "re2js";
import { type Cidr, coversEverything, parseAddress, parseCidr } from "../gateway/address.ts";
import type { Config, Connection, Problem, User } from "./config.ts";

export interface Findings {
  problems: Problem[];
  warnings: Problem[];
}

const NAME_LENGTH_MAX = 64;
const PATTERN_LENGTH_MAX = 256;
const PATTERNS_MAX = 100;
const ALLOW_MAX = 500;
const HOST_NAME =
  /^(?=.{1,253}$)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it refuses (P12).
const LINE_BREAKING = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
/** Takes every number; only the usual spellings are known. */
const CATCH_ALL = /^(?:\^|\^?(?:\.|\\d)(?:[*+]\$?)?)$/;
const USER_NAME = /^[A-Za-z0-9\-_.+]{1,64}$/;

export const UNPRINTABLE_MESSAGE =
  "line breaks, control characters and halves of characters are not allowed here";

/**
 * P12: true for what could become a line of its own in a SIP message or a log, and for lone
 * surrogates, which UTF-8 can't carry.
 */
export function isUnprintable(text: string): boolean {
  return LINE_BREAKING.test(text) || !text.isWellFormed();
}

export function checkConfig(config: Config): Findings {
  const findings: Findings = { problems: [], warnings: [] };
  unique(config.users, "users", findings);
  unique(config.connections, "connections", findings);
  for (const [index, user] of config.users.entries()) checkUser(user, `users[${index}]`, findings);
  config.connections.forEach((connection, index) => {
    const path = `connections[${index}]`;
    checkConnection(connection, path, findings);
    const { inboundUser } = connection;
    if (inboundUser !== undefined && !config.users.some(({ id }) => id === inboundUser)) {
      problem(findings, `${path}.inboundUser`, "there is no such user");
    }
  });
  warnOfCatchAll(config.connections, findings);
  return findings;
}

function problem(findings: Findings, path: string, message: string): void {
  findings.problems.push({ path, message });
}

function unique(items: readonly { name: string }[], kind: string, findings: Findings): void {
  const seen = new Set<string>();
  items.forEach(({ name }, index) => {
    if (seen.has(name.toLowerCase())) {
      problem(findings, `${kind}[${index}].name`, `the name ${name} is taken: choose another`);
    }
    seen.add(name.toLowerCase());
  });
}

function checkUser(user: User, path: string, findings: Findings): void {
  if (!USER_NAME.test(user.name)) {
    problem(findings, `${path}.name`, "1 to 64 letters, digits or - _ . + are expected");
  }
  checkText(user.displayName, `${path}.displayName`, findings);
}

function checkText(text: string | undefined, path: string, findings: Findings): void {
  if (text === undefined) return;
  if (isUnprintable(text)) problem(findings, path, UNPRINTABLE_MESSAGE);
  if (text.length > 255) problem(findings, path, "at most 255 characters are allowed");
}

function checkConnection(connection: Connection, path: string, findings: Findings): void {
  const { name, registrationExpires, weight, username, password, type } = connection;
  if (name.trim() === "" || name.length > NAME_LENGTH_MAX) {
    problem(findings, `${path}.name`, `a name of 1 to ${NAME_LENGTH_MAX} characters is expected`);
  }
  for (const field of ["name", "username", "authId", "password", "realm", "fromUser"] as const) {
    checkText(connection[field], `${path}.${field}`, findings);
  }
  checkHost(connection.host, `${path}.host`, findings);
  checkPort(connection.port, `${path}.port`, findings);
  if (connection.outboundProxy) {
    checkHost(connection.outboundProxy.host, `${path}.outboundProxy.host`, findings);
    checkPort(connection.outboundProxy.port, `${path}.outboundProxy.port`, findings);
  }
  if (connection.fromDomain !== undefined)
    checkHost(connection.fromDomain, `${path}.fromDomain`, findings);
  checkRange(registrationExpires, 60, 86_400, `${path}.registrationExpires`, findings);
  checkRange(weight, 0, 65_535, `${path}.weight`, findings);
  if (type === "outbound-registration" && (!username || !password)) {
    const field = username ? "password" : "username";
    problem(
      findings,
      `${path}.${field}`,
      "a connection that registers needs a user name and a password",
    );
  }
  checkPatterns(connection, path, findings);
  checkAllow(connection, path, findings);
  const { codecs } = connection;
  if (codecs.length === 0)
    problem(findings, `${path}.codecs`, "at least one codec is needed: G722, PCMA, PCMU or opus");
  if (new Set(codecs).size < codecs.length)
    problem(findings, `${path}.codecs`, "a codec is listed twice");
}

function checkHost(host: string, path: string, findings: Findings): void {
  const looksLikeAddress = /^[0-9.]+$/.test(host) || host.includes(":");
  const isValid = looksLikeAddress ? parseAddress(host) !== undefined : HOST_NAME.test(host);
  if (!isValid) {
    problem(
      findings,
      path,
      `"${host.slice(0, 60).replace(LINE_BREAKING, "?")}" is no host: a domain name or an IP address without scheme and port is expected`,
    );
  }
}

function checkPort(port: number | undefined, path: string, findings: Findings): void {
  if (port !== undefined) checkRange(port, 1, 65_535, path, findings);
}

function checkRange(
  value: number,
  min: number,
  max: number,
  path: string,
  findings: Findings,
): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  problem(findings, path, `a whole number from ${min} to ${max} is expected`);
}

function checkPatterns({ patterns }: Connection, path: string, findings: Findings): void {
  if (patterns.length > PATTERNS_MAX) {
    problem(findings, `${path}.patterns`, `at most ${PATTERNS_MAX} patterns are allowed`);
  }
  patterns.forEach(({ pattern, strip, prepend }, index) => {
    const at = `${path}.patterns[${index}]`;
    checkRange(strip, 0, 32, `${at}.strip`, findings);
    if (!/^[0-9*#+A-Za-z]{0,32}$/.test(prepend)) {
      problem(findings, `${at}.prepend`, "at most 32 digits, letters or * # + are expected");
    }
    checkPattern(pattern, `${at}.pattern`, findings);
  });
}

function checkPattern(pattern: string, path: string, findings: Findings): void {
  if (pattern === "" || pattern.length > PATTERN_LENGTH_MAX) {
    problem(
      findings,
      path,
      `a regular expression of 1 to ${PATTERN_LENGTH_MAX} characters is expected`,
    );
    return;
  }
  try {
    RE2JS.compile(pattern);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    problem(
      findings,
      path,
      `no valid expression (${detail}); look-ahead and back-references are not supported`,
    );
    return;
  }
  // AMB-01: a backslash that got lost on the way.
  if (/(?:^|[^\\])[dws](?:\{|[+*])/.test(pattern)) {
    findings.warnings.push({
      path,
      message: "did you mean \\d? As it stands, the letter itself is matched",
    });
  }
  // AMB-03: searched for, not matched whole.
  if (/[{+*?]/.test(pattern) && !/^\^.*\$$/.test(pattern) && !CATCH_ALL.test(pattern)) {
    const message = `it also matches inside longer numbers; to match whole numbers write ^(?:${pattern})$`;
    findings.warnings.push({ path, message });
  }
}

/** SEC-01 to SEC-03: exact blocks, never everybody, never nobody where calls should come in. */
function checkAllow(
  { allow, type, allowInbound }: Connection,
  path: string,
  findings: Findings,
): void {
  const blocks: Cidr[] = [];
  if (allow.length > ALLOW_MAX)
    problem(findings, `${path}.allow`, `at most ${ALLOW_MAX} blocks are allowed`);
  allow.forEach((text, index) => {
    const at = `${path}.allow[${index}]`;
    const parsed = parseCidr(text);
    if (!parsed)
      problem(
        findings,
        at,
        `"${text.slice(0, 60)}" is no address and no block: write e.g. 192.0.2.7 or 192.0.2.0/24`,
      );
    else {
      blocks.push(parsed.cidr);
      checkWidth(parsed.cidr, at, findings);
    }
  });
  if (coversEverything(blocks)) {
    problem(
      findings,
      `${path}.allow`,
      "the list covers the whole address space, so anybody could call: list the PBX's own addresses",
    );
  }
  if (type === "outbound-trunk" && allowInbound && allow.length === 0) {
    problem(
      findings,
      `${path}.allow`,
      "a trunk that takes calls needs the addresses they may come from",
    );
  }
}

/** S2: wider than any provider's network. */
function checkWidth({ family, length }: Cidr, path: string, findings: Findings): void {
  const least = family === 4 ? 8 : 32;
  if (length < least)
    problem(findings, path, `a block wider than /${least} is no list of a PBX's addresses`);
}

/** RTE-03: what stands behind a catch-all is never reached. */
function warnOfCatchAll(connections: readonly Connection[], findings: Findings): void {
  const ordered = [...connections.entries()]
    .filter(([, connection]) => connection.enabled && connection.allowOutbound)
    .sort(([, a], [, b]) => a.weight - b.weight || a.id - b.id);
  const at = ordered.findIndex(([, { patterns }]) =>
    patterns.some(({ pattern }) => CATCH_ALL.test(pattern)),
  );
  const catchAll = ordered[at]?.[1];
  if (!catchAll) return;
  for (const [index] of ordered.slice(at + 1)) {
    const message = `never reached: ${catchAll.name} takes every number before it`;
    findings.warnings.push({ path: `connections[${index}].weight`, message });
  }
}
