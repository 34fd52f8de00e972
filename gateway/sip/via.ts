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
  // Nearly always it stands there without the white space §25.1 allows in it.
  const space = text.startsWith("SIP/2.0/") ? text.indexOf(" ") : -1;
  const match = space < 0 ? PROTOCOL.exec(text) : undefined;
  const transport = space < 0 ? match?.[1] : text.slice("SIP/2.0/".length, space);
  if (transport === undefined || !isToken(transport)) return undefined;
  const rest = text.slice(match ? match[0].length : space + 1);
  const semicolon = rest.indexOf(";");
  const where = parseHostPort(trimSpace(semicolon < 0 ? rest : rest.slice(0, semicolon)));
  const params = parseParameters(semicolon < 0 ? "" : rest.slice(semicolon));
  const branch = params?.get("branch");
  if (!where || !params || (branch !== undefined && !isToken(branch))) return undefined;
  return { transport: transport.toUpperCase(), ...where, params };
}

export function printVia(via: Via): string {
  return `SIP/2.0/${via.transport} ${printHostPort(via)}${printParameters(via.params)}`;
}
