/**
 * What a check of the configuration finds, and the checks that single values share: texts, hosts,
 * ports, ranges and blocks of addresses.
 */
import { parseAddress } from "../gateway/address.ts";
import type { Problem } from "./config.ts";

export interface Findings {
  problems: Problem[];
  warnings: Problem[];
}

const HOST_NAME =
  /^(?=.{1,253}$)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it refuses (P12).
const LINE_BREAKING = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

export const UNPRINTABLE_MESSAGE =
  "line breaks, control characters and halves of characters are not allowed here";

/**
 * P12: true for what could become a line of its own in a SIP message or a log, and for lone
 * surrogates, which UTF-8 can't carry.
 */
export function isUnprintable(text: string): boolean {
  return LINE_BREAKING.test(text) || !text.isWellFormed();
}

export function problem(findings: Findings, path: string, message: string): void {
  findings.problems.push({ path, message });
}

export function warn(findings: Findings, path: string, message: string): void {
  findings.warnings.push({ path, message });
}

export function checkText(text: string | undefined, path: string, findings: Findings): void {
  if (text === undefined) return;
  if (isUnprintable(text)) problem(findings, path, UNPRINTABLE_MESSAGE);
  if (text.length > 255) problem(findings, path, "at most 255 characters are allowed");
}

export function checkHost(host: string, path: string, findings: Findings): void {
  const looksLikeAddress = /^[0-9.]+$/.test(host) || host.includes(":");
  const isValid = looksLikeAddress ? parseAddress(host) !== undefined : HOST_NAME.test(host);
  if (isValid) return;
  const shown = host.slice(0, 60).replace(LINE_BREAKING, "?");
  const message = `"${shown}" is no host: a domain name or an IP address without scheme and port is expected`;
  problem(findings, path, message);
}

export function checkPort(port: number | undefined, path: string, findings: Findings): void {
  if (port !== undefined) checkRange(port, 1, 65_535, path, findings);
}

export function checkRange(
  value: number,
  min: number,
  max: number,
  path: string,
  findings: Findings,
): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  problem(findings, path, `a whole number from ${min} to ${max} is expected`);
}
