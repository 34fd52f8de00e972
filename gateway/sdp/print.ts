/** A session description to text: RFC 8866 §5, in the order the grammar wants. */
import type { Attribute, SessionDescription } from "./session-description.ts";

export function printSdp(session: SessionDescription): string {
  const lines = ["v=0", `o=${session.origin}`, "s=-"];
  if (session.connection !== undefined) lines.push(connectionLine(session.connection));
  lines.push("t=0 0", ...session.attributes.map(attributeLine));
  for (const media of session.media) {
    lines.push(`m=${media.kind} ${media.port} ${media.protocol} ${media.formats.join(" ")}`);
    if (media.connection !== undefined && media.connection !== session.connection) {
      lines.push(connectionLine(media.connection));
    }
    lines.push(...media.attributes.map(attributeLine));
  }
  return `${lines.join("\r\n")}\r\n`;
}

function connectionLine(address: string): string {
  return `c=${networkOf(address)} ${address}`;
}

/** `IN IP4` or `IN IP6`, for o= and c= lines. */
export function networkOf(address: string): string {
  return address.includes(":") ? "IN IP6" : "IN IP4";
}

function attributeLine({ name, value }: Attribute): string {
  return value === "" ? `a=${name}` : `a=${name}:${value}`;
}
