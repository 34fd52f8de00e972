/**
 * SDP text to a value: RFC 8866 §5 and §9. Strict where a session could be misread, bounded
 * everywhere (P4); lines whose type is not known are skipped, as §5 wants. Names are never looked
 * up: an address is text.
 */
import {
  SDP_ATTRIBUTES_PER_MEDIA_MAX,
  SDP_BYTES_MAX,
  SDP_CANDIDATES_MAX,
  SDP_MEDIA_MAX,
} from "../limits.ts";
import type { Attribute, MediaDescription, SessionDescription } from "./session-description.ts";

export type SdpResult = { ok: true; session: SessionDescription } | { ok: false; reason: string };

interface Section {
  line: string;
  connection: string | undefined;
  attributes: Attribute[];
}

const MEDIA =
  /^([A-Za-z0-9!#$%&'*+\-.^_`{|}~]+) ([0-9]{1,5})(?:\/[0-9]{1,3})? ([A-Z0-9a-z/]+)((?: [!-~]+)+)$/;
const CONNECTION = /^IN IP[46] ([0-9A-Za-z.:_-]+)(?:\/[0-9/]+)?$/;
const ORIGIN = /^\S+ [0-9]{1,20} [0-9]{1,20} IN IP[46] \S+$/;

export function parseSdp(text: string): SdpResult {
  if (text.length > SDP_BYTES_MAX)
    return refused(`the session description exceeds ${SDP_BYTES_MAX} bytes`);
  const lines = text.replace(/\r?\n$/, "").split(/\r?\n/);
  if (lines[0] !== "v=0") return refused("the session description does not begin with v=0");
  let origin: string | undefined;
  const session: Section = { line: "", connection: undefined, attributes: [] };
  const sections: Section[] = [session];
  for (const line of lines) {
    if (!/^[a-z]=/.test(line))
      return refused("a line of the session description is not type=value");
    const section = sections.at(-1) ?? session;
    const value = line.slice(2);
    if (line[0] === "o") origin = value;
    else if (line[0] === "m") sections.push({ line: value, connection: undefined, attributes: [] });
    else if (line[0] === "c") {
      section.connection = CONNECTION.exec(value)?.[1];
      if (section.connection === undefined) return refused("a c= line is malformed");
    } else if (line[0] === "a") section.attributes.push(attributeOf(value));
  }
  if (origin === undefined || !ORIGIN.test(origin))
    return refused("the o= line is missing or malformed");
  const excess = excessOf(sections);
  if (excess !== undefined) return refused(excess);
  return assemble(origin, session, sections.slice(1));
}

function attributeOf(value: string): Attribute {
  const colon = value.indexOf(":");
  return colon < 0
    ? { name: value, value: "" }
    : { name: value.slice(0, colon), value: value.slice(colon + 1) };
}

/** P4: what no honest description needs. */
function excessOf(sections: readonly Section[]): string | undefined {
  if (sections.length - 1 > SDP_MEDIA_MAX) return `there are more than ${SDP_MEDIA_MAX} m= lines`;
  for (const { attributes } of sections) {
    if (attributes.length > SDP_ATTRIBUTES_PER_MEDIA_MAX) {
      return `a section has more than ${SDP_ATTRIBUTES_PER_MEDIA_MAX} attributes`;
    }
    const candidates = attributes.filter(({ name }) => name === "candidate").length;
    if (candidates > SDP_CANDIDATES_MAX)
      return `a section has more than ${SDP_CANDIDATES_MAX} candidates`;
  }
  return undefined;
}

function assemble(origin: string, session: Section, sections: readonly Section[]): SdpResult {
  const media: MediaDescription[] = [];
  for (const { line, connection, attributes } of sections) {
    const match = MEDIA.exec(line);
    const port = Number(match?.[2]);
    if (!match?.[1] || !match[3] || !match[4] || port > 65_535)
      return refused("an m= line is malformed");
    const formats = match[4].trim().split(" ");
    const own = connection ?? session.connection;
    // §5.7: a stream that is offered has an address, its own or the session's.
    if (own === undefined && port !== 0) return refused("a stream has no c= line");
    const base = { kind: match[1], port, protocol: match[3], formats, attributes };
    media.push(own === undefined ? base : { ...base, connection: own });
  }
  const base = { origin, attributes: session.attributes, media };
  return {
    ok: true,
    session: session.connection === undefined ? base : { ...base, connection: session.connection },
  };
}

function refused(reason: string): SdpResult {
  return { ok: false, reason };
}
