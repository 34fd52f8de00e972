/**
 * Who we are towards a PBX: the addresses of a connection's requests (CON-13 to CON-19).
 *
 * Pure functions of the connection's configuration; RFC 3261 §8.1.1 and §10.2 say where each goes.
 */
import type { Connection } from "../../schema/config.ts";
import type { DigestCredentials } from "../sip/digest-client.ts";
import type { Flow, Target } from "../sip/flow.ts";
import { parseHostPort } from "../sip/grammar.ts";
import { parseUri, printUri } from "../sip/uri.ts";
import type { PbxBinding } from "./pbx-registrar.ts";

/** The connection as it is known once its PBX has registered: it says where it is. */
export function registeredAs(connection: Connection, { contact, flow }: PbxBinding): Connection {
  const { remote, sentBy } = flow;
  const { host, port } = parseUri(contact.uri) ?? { host: remote.address, port: remote.port };
  const fromDomain = connection.fromDomain ?? parseHostPort(sentBy)?.host ?? remote.address;
  return { ...connection, host, fromDomain, ...(port === undefined ? {} : { port }) };
}

/** A number at a registered PBX: its Contact, whose parameters it knows the call by, for that user. */
export function boundUri({ contact, flow }: PbxBinding, number: string): string {
  const uri = parseUri(contact.uri);
  const { address, port } = flow.remote;
  if (!uri)
    return printUri({ scheme: "sip", user: number, host: address, port, params: new Map() });
  const { scheme, host, params } = uri;
  const at = uri.port === undefined ? { host } : { host, port: uri.port };
  return printUri({ scheme, user: number, ...at, params });
}

/** The host as it stands in a URI, with the port where one is configured. */
function hostOf(connection: Connection): { host: string; port?: number } {
  const { host, port } = connection;
  return port === undefined ? { host } : { host, port };
}

/** The Request-URI of REGISTER: the registrar's domain, no user (RFC 3261 §10.2). */
export function registrarUri(connection: Connection): string {
  return printUri({ scheme: "sip", ...hostOf(connection), params: new Map() });
}

/** Our own address at the PBX: From of what we send, To of REGISTER (CON-17). */
export function localUri(connection: Connection, user?: string): string {
  const own = connection.fromUser ?? connection.username ?? user ?? "anonymous";
  return printUri({
    scheme: "sip",
    user: own,
    host: connection.fromDomain ?? connection.host,
    params: new Map(),
  });
}

/** The Request-URI and To of a call to `number` at the PBX. */
export function numberUri(connection: Connection, number: string): string {
  return printUri({ scheme: "sip", user: number, ...hostOf(connection), params: new Map() });
}

/** Undefined for a connection without a password: a challenge can't be answered. */
export function credentialsOf(connection: Connection): DigestCredentials | undefined {
  const username = connection.authId ?? connection.username;
  if (username === undefined || connection.password === undefined) return undefined;
  return { username, password: connection.password, realm: connection.realm };
}

/** Where its requests are sent: the outbound proxy, when there is one (CON-13). */
export function targetOf(connection: Connection): Target {
  const { host, port } = connection.outboundProxy ?? connection;
  const { furtherHosts: others, outboundProxy } = connection;
  // A proxy stands before all of them.
  const further = others && !outboundProxy ? { others } : {};
  const { tls, transport, interface: by, nat } = connection;
  const place = { ...(by === undefined ? {} : { interface: by }), ...(nat ? { nat } : {}) };
  const base = { transport, host, ...further, ...place };
  const secured = tls && (transport === "tls" || transport === "auto") ? { ...base, tls } : base;
  return port === undefined ? secured : { ...secured, port };
}

/** RFC 3261 §8.1.2: requests through the outbound proxy carry it as a loose route. */
export function routesOf(connection: Connection): string[] {
  const proxy = connection.outboundProxy;
  if (!proxy) return [];
  const params = new Map<string, string | undefined>([["lr", undefined]]);
  const { transport } = connection;
  // Absent, it is left to the proxy's domain or is UDP (RFC 3263 §4.1): both is meant so.
  if (transport !== "udp" && transport !== "auto") params.set("transport", transport);
  const at =
    proxy.port === undefined ? { host: proxy.host } : { host: proxy.host, port: proxy.port };
  return [`<${printUri({ scheme: "sip", ...at, params })}>`];
}

/** Our address for the peer's own requests (RFC 3261 §8.1.1.8); RFC 7118 §5.2 has only `ws`. */
export function contactUri(user: string, flow: Flow): string {
  const { transport, sentBy } = flow;
  if (transport === "udp") return `sip:${user}@${sentBy}`;
  return `sip:${user}@${sentBy};transport=${transport === "wss" ? "ws" : transport}`;
}
