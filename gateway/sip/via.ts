/** The Via header: RFC 3261 §20.42, RFC 3581. Text ⇄ values. */
import {
  isToken,
  type Parameters,
  parseHostPort,
  parseParameters,
  printHostPort,
  printParameters,
  sliceTrimmed,
} from "./grammar.ts";

export interface Via {
  /** Upper case: `UDP`, `WSS`. */
  transport: string;
  host: string;
  port?: number;
  params: Parameters;
}

const PROTOCOL = /^SIP[ \t]*\/[ \t]*2\.0[ \t]*\/[ \t]*([A-Za-z0-9\-.!%*_+`'~]+)[ \t]+/i;

export function parseVia(text: string): Via | undefined {
  // Nearly always it stands there without the white space §25.1 allows in it.
  const space = text.startsWith("SIP/2.0/") ? text.indexOf(" ") : -1;
  const usual = text.slice("SIP/2.0/".length, Math.max(space, 0));
  const match = isToken(usual) ? undefined : PROTOCOL.exec(text);
  if (match === null) return undefined;
  const transport = match?.[1] ?? usual;
  const start = match ? match[0].length : space + 1;
  const semicolon = text.indexOf(";", start);
  const end = semicolon < 0 ? text.length : semicolon;
  const where = parseHostPort(sliceTrimmed(text, start, end));
  const params = parseParameters(text, end);
  const branch = params?.get("branch");
  if (!where || !params || (branch !== undefined && !isToken(branch))) return undefined;
  return { transport: transport.toUpperCase(), ...where, params };
}

export function printVia(via: Via): string {
  return `SIP/2.0/${via.transport} ${printHostPort(via)}${printParameters(via.params)}`;
}
