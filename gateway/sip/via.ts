/** The Via header: RFC 3261 §20.42, RFC 3581. Text ⇄ values. */
import {
  isToken,
  type Parameters,
  parseHostPort,
  parseParameters,
  printHostPort,
  printParameters,
  trimSpace,
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
  const match = PROTOCOL.exec(text);
  if (!match?.[1]) return undefined;
  const rest = text.slice(match[0].length);
  const semicolon = rest.indexOf(";");
  const where = parseHostPort(trimSpace(semicolon < 0 ? rest : rest.slice(0, semicolon)));
  const params = parseParameters(semicolon < 0 ? "" : rest.slice(semicolon));
  const branch = params?.get("branch");
  if (!where || !params || (branch !== undefined && !isToken(branch))) return undefined;
  return { transport: match[1].toUpperCase(), ...where, params };
}

export function printVia(via: Via): string {
  return `SIP/2.0/${via.transport} ${printHostPort(via)}${printParameters(via.params)}`;
}
