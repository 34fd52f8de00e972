/**
 * The shapes of the API: what validates a request also describes it in the OpenAPI document. What
 * values mean together is checked by `schema/check`, for every way in alike.
 */
import { z } from "zod";
import { isUnprintable, UNPRINTABLE_MESSAGE } from "../schema/check.ts";
import type { Connection, User, UserId } from "../schema/config.ts";
import type { ConnectionInput, UserInput } from "../schema/store.ts";

/** Trimmed; empty means absent, as forms send it. */
const text = z.string().trim().max(4_096);
const optionalText = text.optional().transform((value) => (value === "" ? undefined : value));
const port = z.number().int().optional();

export const userBody = z
  .strictObject({
    name: text.describe("User part of the softphone's address; letters, digits, - _ . +"),
    displayName: text.default("").describe("Shown to the called party"),
    enabled: z.boolean().default(true),
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
    online: z.number(),
  })
  .meta({ id: "User" });

export const connectionBody = z
  .strictObject({
    name: text,
    type: z.enum(["outbound-registration", "outbound-trunk"]).default("outbound-registration"),
    enabled: z.boolean().default(true),
    host: text.describe("Domain name or IP address; a sip: prefix is taken off"),
    port,
    transport: z.enum(["udp", "tcp"]).default("udp"),
    outboundProxy: z.strictObject({ host: text, port }).optional(),
    username: optionalText,
    authId: optionalText,
    password: z.string().max(256).optional().describe("Write-only; absent keeps the one set"),
    realm: text.default("*"),
    fromUser: optionalText,
    fromDomain: optionalText,
    registrationExpires: z.number().int().default(300),
    weight: z.number().int().default(100),
    patterns: z
      .array(
        z.strictObject({
          pattern: z.string().max(4_096),
          strip: z.number().int().default(0),
          prepend: text.default(""),
        }),
      )
      .default([]),
    allow: z.array(text).default([]).describe("Addresses and CIDR blocks calls may come from"),
    codecs: z.array(z.enum(["G722", "PCMA", "PCMU", "opus"])).default(["G722", "PCMA", "PCMU"]),
    inboundUser: z.number().int().optional().describe("The user whose softphones ring"),
    allowInbound: z.boolean().default(true),
    allowOutbound: z.boolean().default(true),
  })
  .meta({ id: "ConnectionInput" });

export const connectionShape = z
  .looseObject({ id: z.number(), name: z.string(), passwordSet: z.boolean() })
  .meta({ id: "Connection" });

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
  })
  .meta({ id: "TokenInput" });

export function userInput(body: z.infer<typeof userBody>): UserInput {
  return body;
}

/** Without the fields that are absent, and with `sip:` taken off the host (CON-10). */
export function connectionInput(body: z.infer<typeof connectionBody>): ConnectionInput {
  const { host, ...rest } = body;
  const present = Object.entries(rest).filter(([, value]) => value !== undefined);
  const bare = host.replace(/^sips?:/i, "").replace(/^\[(.*)\]$/, "$1");
  return { ...(Object.fromEntries(present) as unknown as ConnectionInput), host: bare };
}

/** A user as the API shows it. */
export function showUser(
  { id, name, displayName, enabled }: User,
  online: (user: UserId) => number,
) {
  return { id, name, displayName, enabled, online: online(id) };
}

/** A connection as the API shows it: never its password. */
export function showConnection({ password, ...connection }: Connection) {
  return { ...connection, passwordSet: password !== undefined };
}

/** What of a user a request can change, as a request would write it; without the password. */
export function editableUser({ name, displayName, enabled }: User) {
  return { name, displayName, enabled };
}

/** What of a connection a request can change, as a request would write it. */
export function editableConnection({ id, password, ...connection }: Connection) {
  return connection;
}
