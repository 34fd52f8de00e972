/** The tables as Kysely sees them. What the columns mean is in `migrations/`. */
import type { Generated } from "kysely";
import type { PartyQuality } from "../gateway/b2bua/status.ts";
import type { Role } from "./roles.ts";

type Direction = NonNullable<PartyQuality["sent"]>;

/** `read` changes nothing, `operate` no configuration; see `roles.ts`. */
export type TokenScope = "read" | "operate" | "all";

export interface Tables {
  setting: { name: string; value: string };
  user: {
    id: Generated<number>;
    name: string;
    display_name: string;
    enabled: number;
    ha1_md5: string;
    ha1_sha256: string;
    /** Everything else of the user, as JSON. */
    details: Generated<string>;
    version: Generated<number>;
  };
  connection: {
    id: Generated<number>;
    name: string;
    type: string;
    enabled: number;
    /** Everything else of the connection but its password, as JSON. */
    details: string;
    /** Sealed by the key of the data directory; see `secrets.ts`. */
    password: string | null;
    /** Of an inbound registration. */
    ha1_md5: string | null;
    ha1_sha256: string | null;
    version: Generated<number>;
  };
  /** One row, of id 1. */
  settings: {
    id: Generated<number>;
    /** All of it, as JSON. */
    details: string;
    version: Generated<number>;
  };
  audit: {
    id: Generated<number>;
    at: number;
    actor: string;
    /** The address it came from. */
    source: string | null;
    action: string;
    /** What of the configuration it is about: kind, id, and its name then. */
    kind: string | null;
    item: number | null;
    name: string | null;
    before: string | null;
    after: string | null;
  };
  status_change: {
    id: Generated<number>;
    connection: number;
    at: number;
    aspect: "registration" | "reachability" | "test-call" | "received-call";
    state: string;
    reason: string;
  };
  /** Which host led where its PBX last answered, as `address:port`. */
  last_place: { connection: number; host: string; address: string };
  verification: {
    connection: number;
    placed: number | null;
    received: number | null;
    void: string | null;
  };
  alert: {
    id: Generated<number>;
    rule: string;
    subject: string;
    text: string;
    raised: number;
    /** Null while it is the matter. */
    recovered: number | null;
  };
  call_record: {
    id: string;
    started: number;
    ended: number;
    record: string;
  };
  /** `call` is a `StandingCall` as JSON. */
  standing_call: { id: string; call: string };
  call_quality: {
    id: Generated<number>;
    call: string;
    /** Tells a call's legs apart. */
    leg: number;
    party: PartyQuality["party"];
    kind: PartyQuality["kind"];
    codec: PartyQuality["codec"];
    round_trip_ms: number | null;
    direction: "received" | "sent";
    basis: Direction["basis"];
    loss: number;
    loss_last: number;
    burst_ratio: number;
    jitter_ms: number;
    mos: number;
    mos_last: number;
    mos_worst: number;
  };
  account: {
    id: Generated<number>;
    /** Compared without regard to capital letters. */
    name: string;
    role: Role;
    enabled: number;
    /** Argon2id, in its own form (PHC). */
    password_hash: string;
    created: number;
    last_log_in: Generated<number | null>;
    version: Generated<number>;
  };
  login_session: { token_hash: string; account: number; created: number; last_used: number };
  api_token: {
    id: Generated<number>;
    name: string;
    token_hash: string;
    created: number;
    last_used: number | null;
    scope: Generated<TokenScope>;
    /** Null: never. */
    expires: number | null;
  };
  invitation: {
    user: number;
    token_hash: string;
    created: number;
    created_by: string;
    expires: number;
  };
}
