/** A session description as a value: RFC 8866 §5, as far as offer/answer uses it. */

/** `a=name:value`; the value is empty for a flag. */
export interface Attribute {
  readonly name: string;
  readonly value: string;
}

export interface MediaDescription {
  /** `audio`, `video`, `application` … */
  readonly kind: string;
  /** 0 says that the stream is refused (RFC 3264 §6). */
  readonly port: number;
  /** The protocol as written: `RTP/AVP`, `UDP/TLS/RTP/SAVPF` … */
  readonly protocol: string;
  readonly formats: readonly string[];
  /** The address of this stream's c= line. */
  readonly connection?: string;
  readonly attributes: readonly Attribute[];
}

export interface SessionDescription {
  /** The o= line's value. */
  readonly origin: string;
  /** The address of the session's c= line. */
  readonly connection?: string;
  readonly attributes: readonly Attribute[];
  readonly media: readonly MediaDescription[];
}

/** The first value of an attribute; undefined when it is not there. */
export function attribute(
  section: { readonly attributes: readonly Attribute[] },
  name: string,
): string | undefined {
  return section.attributes.find((it) => it.name === name)?.value;
}

export function attributes(
  section: { readonly attributes: readonly Attribute[] },
  name: string,
): string[] {
  return section.attributes.filter((it) => it.name === name).map((it) => it.value);
}

/** Media attributes that may stand for the whole session instead (RFC 8866 §5.13). */
export function inherited(
  session: SessionDescription,
  media: MediaDescription,
  name: string,
): string[] {
  const own = attributes(media, name);
  return own.length > 0 ? own : attributes(session, name);
}
