/**
 * What is wrong with a configuration, and what would be right: the same words through the API, an
 * import or a form. Problems keep it from being saved; warnings do not.
 */
import { RE2JS } from "re2js";
import { type Cidr, coversEverything, parseCidr } from "../gateway/address.ts";
import type { Config, Connection, User, UserId } from "./config.ts";
import { isCatchAll } from "./dial-patterns.ts";
import {
  checkHost,
  checkPort,
  checkRange,
  checkText,
  type Findings,
  isUnprintable,
  problem,
  warn,
} from "./findings.ts";
import { checkChosen } from "./interfaces.ts";
import { apart } from "./run-together.ts";
import { checkNumberPlan, checkSettings } from "./settings.ts";

const NAME_LENGTH_MAX = 64;
const PATTERN_LENGTH_MAX = 256;
const PATTERNS_MAX = 100;
const COMMENT_LENGTH_MAX = 128;
const ALLOW_MAX = 500;
const FURTHER_HOSTS_MAX = 8;
const COUNTRIES_MAX = 300;
const FORWARD_NUMBER = /^[A-Za-z0-9\-_.+*#]{1,64}$/;
const SOUND_FILE = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,95}\.wav$/i;
const USER_NAME = /^[A-Za-z0-9\-_.+]{1,64}$/;

export function checkConfig(config: Config): Findings {
  const findings: Findings = { problems: [], warnings: [] };
  const { users, connections, settings } = config;
  append(
    findings,
    "",
    foundIn(users, (own) => checkUsers(users, own)),
  );
  append(
    findings,
    "",
    foundIn(connections, (own) => checkConnections(connections, own)),
  );
  checkReferences(config, findings);
  if (settings) checkSettings(settings, "settings", findings);
  return findings;
}

function checkUsers(users: readonly User[], findings: Findings): void {
  unique(users, "users", findings);
  users.forEach((user, index) => {
    append(findings, `users[${index}]`, remembered(user, checkUser));
  });
}

function checkConnections(connections: readonly Connection[], findings: Findings): void {
  unique(connections, "connections", findings);
  connections.forEach((connection, index) => {
    append(findings, `connections[${index}]`, remembered(connection, checkConnection));
  });
  checkGroups(connections, findings);
  warnOfCatchAll(connections, findings);
}

/** What connections say of users. */
function checkReferences(config: Config, findings: Findings): void {
  const { users: all, connections, settings = {} } = config;
  const ids = new Set(all.map(({ id }) => id));
  const areUsers = (users: readonly UserId[] | undefined, where: string) =>
    users?.forEach((user, at) => {
      if (!ids.has(user)) problem(findings, `${where}[${at}]`, "there is no such user");
    });
  connections.forEach((connection, index) => {
    const { inboundUser, users, inboundNumbers } = connection;
    const path = `connections[${index}]`;
    checkChosen(connection, settings.interfaces ?? [], path, findings);
    if (inboundUser !== undefined && !ids.has(inboundUser)) {
      problem(findings, `${path}.inboundUser`, "there is no such user");
    }
    areUsers(users, `${path}.users`);
    inboundNumbers?.forEach(({ number, users: rung }, at) => {
      const where = `${path}.inboundNumbers[${at}]`;
      areUsers(rung, `${where}.users`);
      if (rung.length === 0) problem(findings, `${where}.users`, "at least one user is expected");
      if (FORWARD_NUMBER.test(number)) return;
      problem(findings, `${where}.number`, "a number is expected: digits, or letters, * # + - _ .");
    });
  });
}

/** What was found in an item, or in a list, by itself. They never change: changed ones are others. */
const known = new WeakMap<object, Findings>();

/** Each item is looked at once: a change among thousands is checked as fast as one among few (D9). */
function remembered<Item extends object>(
  item: Item,
  check: (item: Item, path: string, findings: Findings) => void,
): Findings {
  return foundIn(item, (findings) => check(item, "", findings));
}

function foundIn(list: object, check: (findings: Findings) => void): Findings {
  let own = known.get(list);
  if (!own) {
    own = { problems: [], warnings: [] };
    check(own);
    known.set(list, own);
  }
  return own;
}

function append(findings: Findings, path: string, { problems, warnings }: Findings): void {
  for (const it of problems) problem(findings, `${path}${it.path}`, it.message);
  for (const it of warnings) warn(findings, `${path}${it.path}`, it.message);
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
  checkSoundFile(user.holdMusic, `${path}.holdMusic`, findings);
  for (const field of ["always", "busy", "noAnswer"] as const) {
    const number = user.forward?.[field];
    if (number === undefined || FORWARD_NUMBER.test(number)) continue;
    const message = "a number or a user name is expected: letters, digits or * # + - _ .";
    problem(findings, `${path}.forward.${field}`, message);
  }
  checkCalling(user, path, findings);
  const seconds = user.forward?.noAnswerSeconds;
  if (seconds !== undefined) {
    checkRange(seconds, 5, 120, `${path}.forward.noAnswerSeconds`, findings);
  }
}

/** A name alone: what it is in the folder of sounds is the media worker's to find out. */
function checkSoundFile(name: string | undefined, path: string, findings: Findings): void {
  if (name === undefined || SOUND_FILE.test(name)) return;
  const message =
    "the name of a WAV file in the data directory's folder sounds is expected: letters, digits, space or - _ . and .wav at the end, at most 100 characters";
  problem(findings, path, message);
}

/** LIM-05, SEC-10. */
function checkCalling(user: User, path: string, findings: Findings): void {
  const { numberPlan, callsPerSecond, minutesPerDay } = user;
  if (numberPlan) checkNumberPlan(numberPlan, `${path}.numberPlan`, findings);
  if (callsPerSecond !== undefined && !(callsPerSecond >= 0.01 && callsPerSecond <= 100)) {
    problem(findings, `${path}.callsPerSecond`, "a number from 0.01 to 100 is expected");
  }
  if (minutesPerDay !== undefined) {
    checkRange(minutesPerDay, 1, 100_000, `${path}.minutesPerDay`, findings);
  }
  for (const field of ["allowCountries", "blockCountries"] as const) {
    user[field]?.forEach((prefix, index) => {
      if (/^\+[1-9][0-9]{0,9}$/.test(prefix)) return;
      const message = "the beginning of an international number is expected: +44, +1900";
      problem(findings, `${path}.${field}[${index}]`, message);
    });
    if ((user[field]?.length ?? 0) > COUNTRIES_MAX) {
      problem(findings, `${path}.${field}`, `at most ${COUNTRIES_MAX} are allowed`);
    }
  }
}

function checkConnection(connection: Connection, path: string, findings: Findings): void {
  const { name, registrationExpires, weight, username, password, type } = connection;
  if (name.trim() === "" || name.length > NAME_LENGTH_MAX) {
    problem(findings, `${path}.name`, `a name of 1 to ${NAME_LENGTH_MAX} characters is expected`);
  }
  for (const field of ["name", "username", "authId", "password", "realm", "fromUser"] as const) {
    checkText(connection[field], `${path}.${field}`, findings);
  }
  if (type === "inbound-registration") checkRegistering(connection, path, findings);
  else checkHost(connection.host, `${path}.host`, findings);
  checkPort(connection.port, `${path}.port`, findings);
  connection.furtherHosts?.forEach(({ host, port }, index) => {
    checkHost(host, `${path}.furtherHosts[${index}].host`, findings);
    checkPort(port, `${path}.furtherHosts[${index}].port`, findings);
  });
  if ((connection.furtherHosts?.length ?? 0) > FURTHER_HOSTS_MAX) {
    problem(findings, `${path}.furtherHosts`, `at most ${FURTHER_HOSTS_MAX} are allowed`);
  }
  if (connection.outboundProxy) {
    checkHost(connection.outboundProxy.host, `${path}.outboundProxy.host`, findings);
    checkPort(connection.outboundProxy.port, `${path}.outboundProxy.port`, findings);
  }
  if (connection.fromDomain !== undefined)
    checkHost(connection.fromDomain, `${path}.fromDomain`, findings);
  checkTls(connection, path, findings);
  checkAudio(connection, path, findings);
  if (connection.maxRegistrations !== undefined) {
    checkRange(connection.maxRegistrations, 1, 10, `${path}.maxRegistrations`, findings);
  }
  checkRange(registrationExpires, 60, 86_400, `${path}.registrationExpires`, findings);
  const { optionsInterval } = connection;
  if (optionsInterval !== undefined) {
    checkRange(optionsInterval, 10, 3_600, `${path}.optionsInterval`, findings);
  }
  checkRange(weight, 0, 65_535, `${path}.weight`, findings);
  if (type === "outbound-registration" && (!username || !password)) {
    const field = username ? "password" : "username";
    problem(
      findings,
      `${path}.${field}`,
      "a connection that registers needs a user name and a password",
    );
  }
  checkLimits(connection, path, findings);
  checkPatterns(connection, path, findings);
  checkAllow(connection, path, findings);
  const { codecs } = connection;
  if (codecs.length === 0)
    problem(findings, `${path}.codecs`, "at least one codec is needed: G722, PCMA, PCMU or opus");
  if (new Set(codecs).size < codecs.length)
    problem(findings, `${path}.codecs`, "a codec is listed twice");
}

/** REG-08 to REG-10: a PBX that finds us, so that we needn't find it. */
function checkRegistering(connection: Connection, path: string, findings: Findings): void {
  for (const field of [
    "port",
    "outboundProxy",
    "authId",
    "tls",
    "furtherHosts",
    "interface",
  ] as const) {
    if (connection[field] === undefined) continue;
    const message = "a PBX that registers here tells by itself where it is: leave this empty";
    problem(findings, `${path}.${field}`, message);
  }
  if (connection.host !== "") {
    const message = "a PBX that registers here may be anywhere: leave this empty";
    problem(findings, `${path}.host`, message);
  }
  const { allow, allowInbound } = connection;
  if (allow.length > 0) return;
  const message = `nobody can register${allowInbound ? " or call" : ""}: to let it come from anywhere write 0.0.0.0/0 and ::/0`;
  warn(findings, `${path}.allow`, message);
}

function checkTls({ tls, transport }: Connection, path: string, findings: Findings): void {
  if (!tls) return;
  if (transport !== "tls" && transport !== "auto") {
    problem(findings, `${path}.tls`, "it needs the transport tls or auto");
  }
  if (tls.verify === "off") {
    const message = "anybody on the way could pose as the PBX: strict or pin is safer";
    warn(findings, `${path}.tls.verify`, message);
  }
  const pin = (tls.pin ?? "").replace(/[\s:]/g, "");
  if (tls.verify === "pin" && !/^[0-9A-Fa-f]{64}$/.test(pin)) {
    const message = "the SHA-256 of the certificate is expected: 64 hex digits, colons allowed";
    problem(findings, `${path}.tls.pin`, message);
  }
  if ((tls.certificateFile === undefined) !== (tls.keyFile === undefined)) {
    problem(findings, `${path}.tls.keyFile`, "a client certificate and its key belong together");
  }
  for (const field of ["caFile", "certificateFile", "keyFile"] as const) {
    checkText(tls[field], `${path}.tls.${field}`, findings);
  }
}

/** MED-01; CON-25: what protects the audio is worth as much as what protects the keys. */
function checkAudio(connection: Connection, path: string, findings: Findings): void {
  const { mediaEncryption = "none", encryptionOptional, keysInClear, transport } = connection;
  checkSoundFile(connection.holdMusic, `${path}.holdMusic`, findings);
  warnOfRelay(connection, path, findings);
  if (mediaEncryption === "none" && encryptionOptional === true) {
    const message = "there is no encryption to be optional: choose one in mediaEncryption";
    problem(findings, `${path}.encryptionOptional`, message);
  }
  if (connection.transcoding === false && transport !== "tls") {
    const message = `over ${transport} transcoding can't be switched off: that needs the transport tls`;
    problem(findings, `${path}.transcoding`, message);
  }
  if (mediaEncryption !== "sdes" || transport === "tls") return;
  if (keysInClear === true) {
    const message = `whoever sees the signalling over ${transport} reads the keys in it`;
    warn(findings, `${path}.keysInClear`, message);
    return;
  }
  const message = `its keys would be readable in signalling over ${transport}: choose the transport tls, or set keysInClear`;
  problem(findings, `${path}.mediaEncryption`, message);
}

/** AMB-07: what needs keys of ours can't be had where there are none. */
function warnOfRelay(connection: Connection, path: string, findings: Findings): void {
  const { mediaEncryption, transcoding, announcements = "none", holdMusic, dtmfMode } = connection;
  if (transcoding !== false || mediaEncryption !== "dtls") return;
  const useless = {
    announcements: announcements !== "none",
    holdMusic: holdMusic !== undefined,
    dtmfMode: dtmfMode === "inband",
  };
  for (const [field, isSet] of Object.entries(useless)) {
    const message =
      "without effect: with dtls and without transcoding audio passes undecrypted, and nothing of ours can be heard in it";
    if (isSet) findings.warnings.push({ path: `${path}.${field}`, message });
  }
}

function checkLimits(connection: Connection, path: string, findings: Findings): void {
  for (const field of ["maxCalls", "maxInbound", "maxOutbound"] as const) {
    const limit = connection[field];
    if (limit !== undefined) checkRange(limit, 0, 9_999, `${path}.${field}`, findings);
    if (limit === 0) {
      findings.warnings.push({ path: `${path}.${field}`, message: "0 allows no calls at all" });
    }
  }
}

/** RTE-07: the members of a group say the same of it. */
function checkGroups(connections: readonly Connection[], findings: Findings): void {
  const strategies = new Map<string, string>();
  connections.forEach(({ failoverGroup: group }, index) => {
    if (!group) return;
    const path = `connections[${index}].failoverGroup`;
    const { name, strategy, share } = group;
    checkText(name, `${path}.name`, findings);
    if (name === "") problem(findings, `${path}.name`, "a name is expected");
    if (share !== undefined) checkRange(share, 1, 1_000, `${path}.share`, findings);
    const first = strategies.get(name) ?? strategy;
    strategies.set(name, first);
    if (first === strategy) return;
    problem(findings, `${path}.strategy`, `the other members of ${name} are asked ${first}`);
  });
}

function checkPatterns({ patterns }: Connection, path: string, findings: Findings): void {
  if (patterns.length > PATTERNS_MAX) {
    problem(findings, `${path}.patterns`, `at most ${PATTERNS_MAX} patterns are allowed`);
  }
  patterns.forEach(({ pattern, strip, prepend, comment = "" }, index) => {
    const at = `${path}.patterns[${index}]`;
    checkRange(strip, 0, 32, `${at}.strip`, findings);
    if (!/^[0-9*#+A-Za-z]{0,32}$/.test(prepend)) {
      problem(findings, `${at}.prepend`, "at most 32 digits, letters or * # + are expected");
    }
    if (comment.length > COMMENT_LENGTH_MAX || isUnprintable(comment)) {
      const message = `one line of at most ${COMMENT_LENGTH_MAX} characters is expected`;
      problem(findings, `${at}.comment`, message);
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
  if (/[{+*?]/.test(pattern) && !/^\^.*\$$/.test(pattern) && !isCatchAll(pattern)) {
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
    if (!parsed) problem(findings, at, noBlock(text));
    else {
      blocks.push(parsed.cidr);
      if (type !== "inbound-registration") checkWidth(parsed.cidr, at, findings);
    }
  });
  // A PBX that registers shows its password besides (SEC-02).
  if (type === "inbound-registration") return;
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

function noBlock(text: string): string {
  const shown = `"${text.slice(0, 60)}" is no address and no block`;
  const addresses = apart(text);
  return addresses
    ? `${shown}: did you mean ${addresses.join(", ")}?`
    : `${shown}: write e.g. 192.0.2.7 or 192.0.2.0/24`;
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
    patterns.some(({ pattern }) => isCatchAll(pattern)),
  );
  const catchAll = ordered[at]?.[1];
  if (!catchAll) return;
  for (const [index] of ordered.slice(at + 1)) {
    const message = `never reached: ${catchAll.name} takes every number before it`;
    findings.warnings.push({ path: `connections[${index}].weight`, message });
  }
}
