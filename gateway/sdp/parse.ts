/**
 * SDP text to a value: RFC 8866 §5 and §9. Strict where a description could be misread, bounded
 * everywhere (P4). Lines of a known type that offer/answer has no use for (s=, t=, b= …) are
 * skipped; a type that is not known refuses the whole, as §5 wants. Names are never looked up: an
 * address is text.
 */
import { utf8 } from "../bytes.ts";
import {
  SDP_ATTRIBUTES_PER_MEDIA_MAX,
  SDP_BYTES_MAX,
  SDP_CANDIDATES_MAX,
  SDP_FORMATS_PER_MEDIA_MAX,
  SDP_MEDIA_MAX,
} from "../limits.ts";
import type { Attribute, MediaDescription, SessionDescription } from "./session-description.ts";

/** `status` is 488 for what is well-formed and beyond a bound (P4), 400 for what is malformed. */
export type SdpResult =
  | { ok: true; session: SessionDescription }
  | { ok: false; status: 400 | 488; reason: string };

interface Section {
  line: string;
  connection: string | undefined;
  attributes: Attribute[];
}

const MEDIA =
  /^([A-Za-z0-9!#$%&'*+\-.^_`{|}~]+) ([0-9]{1,5})(?:\/[0-9]{1,3})? ([A-Z0-9a-z/]+)((?: [!-~]+)+)$/;
/** §5: the type letters there are; "deliberately small and not intended to be extensible". */
const LINE = /^[vosiuepcbtrzkma]=/;
/** §9: a byte-string holds neither; printed back they would break somebody else's lines. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses.
const FORBIDDEN = /[\u0000\r]/;
const CONNECTION = /^IN IP[46] ([0-9A-Za-z.:_-]+)(?:\/[0-9/]+)?$/;
const ORIGIN = /^\S+ [0-9]{1,20} [0-9]{1,20} IN IP[46] \S+$/;

/** Reads a whole session description. Never throws: what can't be read is a reason. */
export function parseSdp(text: string): SdpResult {
  if (isTooLong(text)) return excessive(`the session description exceeds ${SDP_BYTES_MAX} bytes`);
  const lines = linesOf(text);
  if (lines[0] !== "v=0") return malformed("the session description does not begin with v=0");
  const session: Section = { line: "", connection: undefined, attributes: [] };
  const sections: Section[] = [session];
  const origins: string[] = [];
  for (const line of lines.slice(1)) {
    if (!LINE.test(line) || FORBIDDEN.test(line))
      return malformed("a line of the session description is not type=value");
    const section = sections.at(-1) ?? session;
    const value = line.slice(2);
    if (line[0] === "v" || (line[0] === "o" && sections.length > 1))
      return malformed("a v= or o= line is out of place");
    if (line[0] === "o") origins.push(value);
    else if (line[0] === "m") sections.push({ line: value, connection: undefined, attributes: [] });
    else if (line[0] === "c") {
      section.connection = CONNECTION.exec(value)?.[1];
      if (section.connection === undefined) return malformed("a c= line is malformed");
    } else if (line[0] === "a") section.attributes.push(attributeOf(value));
  }
  const [origin] = origins;
  if (origin === undefined || origins.length > 1 || !ORIGIN.test(origin))
    return malformed("the o= line is missing, malformed or there twice");
  const excess = excessOf(sections);
  if (excess !== undefined) return excessive(excess);
  return assemble(origin, session, sections.slice(1));
}

/** The bytes are counted only where the characters don't tell: one of UTF-16 has three at most. */
function isTooLong(text: string): boolean {
  if (text.length > SDP_BYTES_MAX) return true;
  return 3 * text.length > SDP_BYTES_MAX && utf8(text).length > SDP_BYTES_MAX;
}

/** Empty lines at the end are common and harmless. */
function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  while (lines.length > 1 && lines.at(-1) === "") lines.pop();
  return lines;
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
      return malformed("an m= line is malformed");
    const formats = match[4].trim().split(" ");
    if (formats.length > SDP_FORMATS_PER_MEDIA_MAX)
      return excessive(`an m= line has more than ${SDP_FORMATS_PER_MEDIA_MAX} formats`);
    const own = connection ?? session.connection;
    // §5.7: a stream that is offered has an address, its own or the session's.
    if (own === undefined && port !== 0) return malformed("a stream has no c= line");
    const base = { kind: match[1], port, protocol: match[3], formats, attributes };
    media.push(own === undefined ? base : { ...base, connection: own });
  }
  const base = { origin, attributes: session.attributes, media };
  return {
    ok: true,
    session: session.connection === undefined ? base : { ...base, connection: session.connection },
  };
}

function malformed(reason: string): SdpResult {
  return { ok: false, status: 400, reason };
}

function excessive(reason: string): SdpResult {
  return { ok: false, status: 488, reason };
}
