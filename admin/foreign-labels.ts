/**
 * Labels of other products' forms whose names mislead, or whose values are words (AMB-13): what they
 * mean here. What can't be had here is refused with the reason.
 */
export type Reading = { readonly fields: Record<string, unknown> } | { readonly problem: string };

const ON = new Set(["true", "yes", "on", "1", "enabled"]);
const OFF = new Set(["false", "no", "off", "0", "disabled", "none"]);
/** Asked so often where a form only says that it is to be asked (ADM-04). */
const OPTIONS_SECONDS = 60;

/** What a table itself has: a document may well ask it for its `constructor`. */
export function ownOf<Value>(
  table: Readonly<Record<string, Value>>,
  key: string,
): Value | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

const nothing: Reading = { fields: {} };
const YES_OR_NO: Reading = { problem: "yes or no is expected" };

/** By what the words mean; `default` is a form's word for what it does by itself. */
function choice(
  readings: Readonly<Record<string, Reading>>,
  otherwise: Reading,
): (value: unknown) => Reading {
  return (value) => {
    const word = String(value).trim().toLowerCase();
    const meaning = ON.has(word) ? "on" : OFF.has(word) ? "off" : word;
    return ownOf(readings, meaning) ?? otherwise;
  };
}

function probing(value: unknown): Reading {
  const seconds = Number(value);
  if (seconds > 1) return { fields: { optionsInterval: seconds } };
  return choice(
    { on: { fields: { optionsInterval: OPTIONS_SECONDS } }, off: nothing },
    YES_OR_NO,
  )(value);
}

const encryption = choice(
  {
    off: { fields: { mediaEncryption: "none" } },
    optional: { fields: { mediaEncryption: "sdes", encryptionOptional: true } },
    required: { fields: { mediaEncryption: "sdes" } },
    on: { fields: { mediaEncryption: "sdes" } },
  },
  { problem: "none, optional or required is expected" },
);
const digits = choice(
  {
    rfc2833: { fields: { dtmfMode: "rfc2833" } },
    rfc4733: { fields: { dtmfMode: "rfc2833" } },
    info: { fields: { dtmfMode: "info" } },
    inband: { fields: { dtmfMode: "inband" } },
  },
  { problem: "RFC2833, INFO or Inband is expected" },
);

/** By their names without spaces and marks, and in lower case. */
export const LABELS: Readonly<Record<string, (value: unknown) => Reading>> = {
  sendkeepalive: probing,
  keepalive: choice(
    {
      on: nothing,
      default: nothing,
      off: { problem: "the way to a PBX is always kept open: leave this out" },
    },
    YES_OR_NO,
  ),
  secure: choice({ on: { fields: { transport: "tls" } }, off: nothing }, YES_OR_NO),
  encryption,
  securertp: encryption,
  sendmedia: digits,
  dtmfmode: digits,
  sipcreatesubsc: choice(
    {
      on: nothing,
      default: nothing,
      off: { problem: "a mailbox is asked for when a softphone asks: leave this out" },
    },
    YES_OR_NO,
  ),
  incomingcallpolicy: choice(
    {
      accept: nothing,
      default: nothing,
      reject: { fields: { allowInbound: false } },
    },
    { problem: "accept or reject is expected" },
  ),
  enablesipalg: choice(
    {
      off: nothing,
      on: { problem: "nothing here rewrites SIP, and who does on the way is told: leave this out" },
    },
    YES_OR_NO,
  ),
};

const CODECS: Readonly<Record<string, readonly string[]>> = {
  g722: ["G722"],
  g711: ["PCMA", "PCMU"],
  ...Object.fromEntries(["pcma", "alaw", "g711a", "g711alaw"].map((it) => [it, ["PCMA"]])),
  ...Object.fromEntries(["pcmu", "ulaw", "g711u", "g711ulaw"].map((it) => [it, ["PCMU"]])),
  opus: ["opus"],
};
const SLOTS = ["codecs", "allow", "allow1", "allow2", "allow3", "allow4", "allow5"];

/**
 * Takes the codecs out of a trunk's fields, in their order, each once: `Allow` may have five slots.
 * An `Allow` with an address in it is a list of who may call, and stays.
 */
export function takeCodecs(fields: Map<string, unknown>): Reading {
  const words = SLOTS.flatMap((slot) => {
    const value = fields.get(slot);
    const own = (Array.isArray(value) ? value : [value ?? ""])
      .flatMap((it) => String(it).split(/[,;&\n]+/))
      .filter((it) => it.trim() !== "");
    const isAddresses = slot === "allow" && own.every((it) => !codecsOf(it));
    if (own.length === 0 || isAddresses) return [];
    fields.delete(slot);
    return own;
  });
  const unknown = words.find((it) => !codecsOf(it));
  if (unknown !== undefined) {
    return { problem: `${unknown.trim()} is not spoken here: G722, PCMA, PCMU and opus are` };
  }
  const codecs = new Set(words.flatMap((it) => codecsOf(it) ?? []));
  return codecs.size > 0 ? { fields: { codecs: [...codecs] } } : nothing;
}

function codecsOf(word: string): readonly string[] | undefined {
  return ownOf(CODECS, word.toLowerCase().replace(/[\s._-]/g, ""));
}
