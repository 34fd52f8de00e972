/** Bencoding, as rtpengine's ng protocol has it (BEP 3): integers, strings, lists, dictionaries. */

export type Bencoded = string | number | readonly Bencoded[] | { readonly [key: string]: Bencoded };

export function bencode(value: Bencoded): string {
  if (typeof value === "number") return `i${value}e`;
  if (typeof value === "string") return `${Buffer.byteLength(value)}:${value}`;
  if (Array.isArray(value)) return `l${value.map(bencode).join("")}e`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `d${entries.map(([key, item]) => bencode(key) + bencode(item)).join("")}e`;
}

/** Throws where the text is malformed. Strings are taken as Latin-1: the protocol's are ASCII. */
export function bdecode(text: string): Bencoded {
  const { value, end } = decodeAt(text, 0);
  if (end !== text.length) throw new Error("bencode: something follows the value");
  return value;
}

function decodeAt(text: string, start: number): { value: Bencoded; end: number } {
  const kind = text[start];
  if (kind === "i") {
    const end = text.indexOf("e", start);
    return { value: Number(text.slice(start + 1, end)), end: end + 1 };
  }
  if (kind === "l" || kind === "d") {
    const items: Bencoded[] = [];
    let at = start + 1;
    while (text[at] !== "e") {
      const item = decodeAt(text, at);
      items.push(item.value);
      at = item.end;
    }
    if (kind === "l") return { value: items, end: at + 1 };
    const entries = items.flatMap((key, index) =>
      index % 2 === 0 ? [[String(key), items[index + 1] ?? ""] as const] : [],
    );
    return { value: Object.fromEntries(entries), end: at + 1 };
  }
  const colon = text.indexOf(":", start);
  const length = Number(text.slice(start, colon));
  if (colon < 0 || !Number.isInteger(length) || colon + 1 + length > text.length) {
    throw new Error(`bencode: malformed at ${start}`);
  }
  return { value: text.slice(colon + 1, colon + 1 + length), end: colon + 1 + length };
}
