/**
 * The shapes of the API: what validates a request also describes it in the OpenAPI document. What
 * values mean together is checked by `schema/check`, for every way in alike.
 */
import { z } from "zod";
import { NATS } from "../gateway/own-place.ts";
import { ALERT_RULES } from "../gateway/watch/alert-rules.ts";
import { ACCOUNT_PASSWORD_LENGTH_MAX } from "../schema/accounts.ts";
import type { Connection, User, UserId } from "../schema/config.ts";
import { isUnprintable, UNPRINTABLE_MESSAGE } from "../schema/findings.ts";
import { ROLES, SCOPES } from "../schema/roles.ts";
import type { Settings } from "../schema/settings.ts";
import type { ConnectionInput, UserInput } from "../schema/store.ts";
import { textList } from "./text-list.ts";

/** Trimmed; empty means absent, as forms send it. */
const text = z.string().trim().max(4_096);
const optionalText = text.optional().transform((value) => (value === "" ? undefined : value));
const port = z.number().int().optional();
const limit = z.number().int().optional();

const forward = z
  .strictObject({
    always: optionalText,
    busy: optionalText,
    noAnswer: optionalText,
    noAnswerSeconds: z.number().int().optional().describe("5 to 120, 20 unless given"),
  })
  .describe("Where calls go that the user does not take: numbers or user names");

const HOLD_MUSIC =
  "What others hear while they are held: a WAV file of the data directory's folder sounds";
const numberPlan = z
  .strictObject({
    countryCode: text.describe("Digits without +: 49"),
    nationalPrefix: optionalText.describe("In front of a number of the same country: 0"),
    internationalPrefix: optionalText.describe("In front of a country code, 00 unless given"),
  })
  .describe("How numbers are written; they are made international before patterns are matched");

const countries = z.array(text).optional();
/** What a user may call outside, and how much. */
const calling = {
  numberPlan: numberPlan.optional(),
  callsPerSecond: z.number().optional().describe("Calls outside begun a second, 0.01 to 100"),
  minutesPerDay: z.number().int().optional().describe("Minutes outside a day, 1 to 100000"),
  allowCountries: countries.describe("Beginnings of international numbers: nothing else abroad"),
  blockCountries: countries.describe("Beginnings of international numbers that are not called"),
};

export const userBody = z
  .strictObject({
    name: text.describe("User part of the softphone's address; letters, digits, - _ . +"),
    displayName: text.default("").describe("Shown to the called party"),
    enabled: z.boolean().default(true),
    forward: forward.optional(),
    holdMusic: optionalText.describe(HOLD_MUSIC),
    ...calling,
    password: z
      .string()
      .max(256)
      .optional()
      .describe("Write-only, at least 8 characters; absent keeps the one set"),
  })
  .meta({ id: "UserInput" });

export const userShape = z
  .object({
    id: z.number(),
    name: z.string(),
    displayName: z.string(),
    enabled: z.boolean(),
    forward: forward.optional(),
    holdMusic: z.string().optional(),
    ...calling,
    online: z.number(),
  })
  .meta({ id: "User" });

export const connectionBody = z
  .strictObject({
    name: text,
    type: z
      .enum(["outbound-registration", "outbound-trunk", "inbound-registration"])
      .default("outbound-registration")
      .describe("We register there; both know each other's address; the PBX registers here"),
    enabled: z.boolean().default(true),
    host: text
      .default("")
      .describe(
        "Domain name or IP address; a sip: prefix is taken off. None where the PBX registers",
      ),
    port,
    transport: z
      .enum(["udp", "tcp", "tls", "auto"])
      .default("udp")
      .describe("auto: what the host's domain prefers (NAPTR, SRV); UDP where a port is given"),
    tls: z
      .strictObject({
        verify: z.enum(["strict", "pin", "off"]).default("strict"),
        pin: optionalText.describe("SHA-256 of the certificate, in hex"),
        caFile: optionalText.describe("PEM file on the gateway's machine"),
        certificateFile: optionalText,
        keyFile: optionalText,
      })
      .optional()
      .describe("How the PBX's certificate is checked, and our own"),
    furtherHosts: z
      .array(z.strictObject({ host: text, port }))
      .optional()
      .describe("Where else its PBX is to be found when the host does not answer, in this order"),
    outboundProxy: z.strictObject({ host: text, port }).optional(),
    interface: optionalText.describe(
      "The interface of the settings SIP goes by; absent: the command line's",
    ),
    mediaInterface: optionalText.describe("The one audio goes by; absent: the same as SIP"),
    nat: z
      .enum(NATS)
      .optional()
      .describe(
        "Whether a NAT lies between us: yes tells the external address, no our own and learns no address of audio; absent: as its address says",
      ),
    username: optionalText,
    authId: optionalText,
    password: z.string().max(256).optional().describe("Write-only; absent keeps the one set"),
    maxRegistrations: z
      .number()
      .int()
      .optional()
      .describe("Places the PBX may be registered from at once, 1 to 10; absent: 1"),
    bindingStrategy: z
      .enum(["fork", "round-robin"])
      .optional()
      .describe("Which of them gets a call: all at once (fork), or one after the other"),
    flowTrust: z
      .boolean()
      .optional()
      .describe("Whether calls over a TCP or TLS flow that registered need no password"),
    realm: text.default("*"),
    fromUser: optionalText,
    fromDomain: optionalText,
    registrationExpires: z.number().int().default(300),
    optionsInterval: z
      .number()
      .int()
      .optional()
      .describe(
        "Seconds between OPTIONS that ask whether the PBX is there, 10 to 3600; absent: none",
      ),
    weight: z.number().int().default(100),
    patterns: z
      .array(
        z.strictObject({
          pattern: z.string().max(4_096),
          strip: z.number().int().default(0),
          prepend: text.default(""),
          comment: optionalText.describe("What it is for"),
        }),
      )
      .optional()
      .describe(
        "Numbers that go there; absent: every number for the first connection, any other one that calls out needs it",
      ),
    allow: z
      .array(text)
      .optional()
      .describe(
        "Addresses and CIDR blocks calls may come from, one or several in a text; absent: none, and for a PBX that registers any",
      ),
    codecs: z.array(z.enum(["G722", "PCMA", "PCMU", "opus"])).default(["G722", "PCMA", "PCMU"]),
    dtmfMode: z
      .enum(["rfc2833", "info", "inband"])
      .optional()
      .describe("How keys go to the PBX: telephone-events, SIP INFO or tones in the audio"),
    announcements: z
      .enum(["none", "early", "answered"])
      .optional()
      .describe(
        "Whether callers hear why a call comes to nothing: before the refusal, or in an answered call",
      ),
    holdMusic: optionalText.describe(`${HOLD_MUSIC}; a user's own goes before it`),
    transcoding: z
      .boolean()
      .optional()
      .describe(
        "false: both sides of a call must speak one codec, and with dtls keys of their own; over TLS only",
      ),
    mediaEncryption: z
      .enum(["none", "sdes", "dtls"])
      .optional()
      .describe("SRTP with keys in the SDP (sdes) or of a DTLS handshake (dtls)"),
    encryptionOptional: z
      .boolean()
      .optional()
      .describe("Whether a PBX without SRTP is spoken with in the clear"),
    keysInClear: z
      .boolean()
      .optional()
      .describe("Whether SRTP keys may go through signalling over UDP or TCP"),
    inboundUser: z.number().int().optional().describe("The user whose softphones ring"),
    inboundNumbers: z
      .array(z.strictObject({ number: text, users: z.array(z.number().int()) }))
      .optional()
      .describe("Numbers whose calls ring these users instead"),
    allowInbound: z.boolean().default(true),
    allowOutbound: z.boolean().default(true),
    users: z.array(z.number().int()).optional().describe("Who may call out; absent: everybody"),
    maxCalls: limit.describe("Calls at once; absent or 9999: unlimited, 0: none"),
    maxInbound: limit,
    maxOutbound: limit,
    fullStatus: z
      .union([z.literal(503), z.literal(486)])
      .optional()
      .describe("What the PBX hears where there is no place: 503 (it overflows) or 486 (busy)"),
    failoverGroup: z
      .strictObject({
        name: text,
        strategy: z.enum(["ordered", "round-robin", "least-busy", "weighted"]).default("ordered"),
        share: z.number().int().optional().describe("1 to 1000, for weighted"),
      })
      .optional()
      .describe("Connections that stand in for each other"),
    continueOnFailure: z
      .boolean()
      .optional()
      .describe("Whether a call that fails here is tried at the next connection that matches"),
    allowTransfer: z.boolean().optional().describe("Whether the PBX may transfer calls by REFER"),
    followRedirects: z.boolean().optional().describe("Whether a 3xx to its own host is followed"),
    sendIdentity: z.enum(["none", "pai", "rpid", "both"]).optional(),
    trustIdentity: z.boolean().optional().describe("Whether its P-Asserted-Identity is believed"),
    interop: z.enum(["standard", "plain"]).optional(),
  })
  .meta({ id: "ConnectionInput" });

export const settingsBody = z
  .strictObject({
    externalAddress: optionalText.describe("The IP address peers outside see; absent: found out"),
    stunServers: z
      .array(text)
      .optional()
      .describe("host or host:port, asked for the external address"),
    localNetworks: z
      .array(text)
      .optional()
      .describe("CIDR blocks that are told the interface's own address"),
    interfaces: z
      .array(
        z.strictObject({
          name: text,
          address: text.describe("An IP address of the gateway's machine"),
          externalAddress: optionalText.describe("What peers outside are told instead"),
          sipPort: port.describe("UDP and TCP, TLS at the next one; absent: for audio alone"),
        }),
      )
      .optional()
      .describe("Further addresses of the machine, for connections that name them"),
    numberPlan: numberPlan.optional(),
    domains: z
      .array(text)
      .optional()
      .describe("Host names PBXs may address the gateway by, besides its addresses; absent: any"),
    silentToStrangers: z
      .boolean()
      .optional()
      .describe("Whether who is nobody's PBX gets no answer at all, instead of a refusal"),
    emergencyNumbers: z
      .array(text)
      .optional()
      .describe("Numbers no limit and no permission holds up; absent: 112, 911, 999 and 110"),
    acme: z
      .strictObject({
        names: z.array(text).describe("Host names, whose port 80 leads here"),
        email: optionalText.describe("Where the issuer writes of what is amiss"),
        directory: optionalText.describe("Who issues it; absent: Let's Encrypt"),
      })
      .optional()
      .describe("A certificate ordered by ACME, where the command line gives none (RFC 8555)"),
    certificateFiles: z
      .array(z.strictObject({ certificate: text, key: text }))
      .optional()
      .describe("Or files of the gateway's machine in PEM: the chain and its key"),
    alerts: z
      .strictObject({
        webhook: optionalText.describe("https: or http: URL alerts are posted to"),
        silent: z.array(z.enum(ALERT_RULES)).optional().describe("Rules that are not told"),
        capacityPercent: z
          .number()
          .int()
          .optional()
          .describe("When a connection is nearly full: 50 to 100, 80 unless given"),
      })
      .optional(),
  })
  .meta({ id: "SettingsInput" });

export const settingsShape = settingsBody.partial().meta({ id: "Settings" });

export const connectionShape = connectionBody
  .omit({ password: true })
  .partial()
  .required({ name: true, type: true })
  .extend({
    id: z.number().int(),
    passwordSet: z.boolean().describe("No answer tells it"),
    verification: z
      .object({
        placedAt: z.number().optional(),
        receivedAt: z.number().optional(),
        verifiedAt: z.number().optional().describe("Since a call each way was heard"),
        voidBecause: z.string().optional(),
      })
      .optional()
      .describe("What test calls said of it since it was last changed, in milliseconds since 1970"),
  })
  .meta({ id: "Connection" });

export const credentialsShape = z
  .object({ username: z.string(), password: z.string() })
  .meta({ id: "Credentials" });

export const snippetShape = z
  .object({ product: z.string(), where: z.string(), text: z.string() })
  .meta({ id: "Snippet" });

export const firewallShape = z
  .looseObject({ address: z.string(), rules: z.array(z.looseObject({})) })
  .meta({ id: "Firewall" });

export const errorShape = z
  .object({
    error: z.object({
      status: z.number(),
      message: z.string(),
      problems: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    }),
  })
  .meta({ id: "Error" });

export const tokenBody = z
  .strictObject({
    name: text
      .min(1)
      .max(64)
      .refine((name) => !isUnprintable(name), UNPRINTABLE_MESSAGE),
    scope: z
      .enum(SCOPES)
      .default("all")
      .describe("What a viewer may (read), an operator (operate) or an admin (all)"),
    expires: z
      .number()
      .int()
      .optional()
      .describe("Milliseconds since 1970; absent: it never expires"),
  })
  .meta({ id: "TokenInput" });

const accountFields = {
  name: text.describe("Letters, digits and . _ - @; what one logs in with"),
  role: z.enum(ROLES).describe("viewer: sees; operator: acts on what runs; admin: everything"),
  enabled: z.boolean().default(true).describe("false: can't log in"),
};
export const accountBody = z
  .strictObject({
    ...accountFields,
    password: z
      .string()
      .max(ACCOUNT_PASSWORD_LENGTH_MAX)
      .optional()
      .describe("Write-only, at least 12 characters; absent keeps the one set"),
  })
  .meta({ id: "AccountInput" });

export const accountShape = z
  .looseObject({ id: z.number(), ...accountFields, created: z.number() })
  .meta({ id: "Account" });

/** Without what is absent; a forward to nowhere is none. */
export function userInput(body: z.infer<typeof userBody>): UserInput {
  const { forward, ...input } = present(body) as UserInput;
  return forward && Object.keys(forward).length > 0 ? { ...input, forward } : input;
}

/**
 * Without the fields that are absent, with `sip:` taken off the host (CON-10), and with addresses
 * one by one however they were listed (AMB-15).
 */
export function connectionInput(body: z.infer<typeof connectionBody>): ConnectionInput {
  const { host, allow, patterns = [], furtherHosts = [], ...rest } = body;
  // None listed is none, for a type that may have none as well.
  const further = furtherHosts.length > 0 ? { furtherHosts } : {};
  const bare = host.replace(/^sips?:/i, "").replace(/^\[(.*)\]$/, "$1");
  // A PBX that registers shows its password: it may come from anywhere (SEC-02).
  const anywhere = body.type === "inbound-registration" ? ["0.0.0.0/0", "::/0"] : [];
  const input = present({ ...rest, patterns, ...further }) as ConnectionInput;
  return { ...input, host: bare, allow: allow?.flatMap(textList) ?? anywhere };
}

export function settingsInput(body: z.infer<typeof settingsBody>): Settings {
  return present(body) as Settings;
}

/** Without the fields that are absent, at any depth. */
function present(value: object): object {
  const entries = Object.entries(value).filter(([, it]) => it !== undefined);
  return Object.fromEntries(
    entries.map(([name, it]) => {
      const isNested = typeof it === "object" && it !== null && !Array.isArray(it);
      return [name, isNested ? present(it) : it];
    }),
  );
}

/** A user as the API shows it. */
export function showUser({ ha1, ...user }: User, online: (user: UserId) => number) {
  return { ...user, online: online(user.id) };
}

/** A connection as the API shows it: never its password. */
export function showConnection({ password, ha1, ...connection }: Connection) {
  return { ...connection, passwordSet: password !== undefined || ha1 !== undefined };
}

/** What of a user a request can change, as a request would write it; without the password. */
export function editableUser({ id, ha1, ...user }: User) {
  return user;
}

/** What of a connection a request can change, as a request would write it. */
export function editableConnection({ id, password, ha1, ...connection }: Connection) {
  return connection;
}
