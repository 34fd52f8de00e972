/** What the admin stands on, handed in by the composition root; and what a request carries. */
import type { Past, StateThen } from "../gateway/b2bua/back-then.ts";
import type { CallReport } from "../gateway/b2bua/call-trace.ts";
import type { CallRecord, Explanation, Status } from "../gateway/b2bua/status.ts";
import type { TestStep } from "../gateway/b2bua/test-verdicts.ts";
import type { Access } from "../schema/access.ts";
import type { Accounts } from "../schema/accounts.ts";
import type { Actor, Audit } from "../schema/audit.ts";
import type { Backup } from "../schema/backup.ts";
import type { Config, Connection, ConnectionId, User } from "../schema/config.ts";
import type { Alert, NewChange, StoredChange } from "../schema/happenings.ts";
import type { Invitations } from "../schema/invitations.ts";
import type { PatternDoubts } from "../schema/pattern-doubts.ts";
import type { Records } from "../schema/records.ts";
import type { Role } from "../schema/roles.ts";
import type { Store } from "../schema/store.ts";
import type { Verification, Way } from "../schema/verification.ts";

/** A step of a test that begins, or its outcome; of a test call with that call's id. */
export type TestEvent =
  | { readonly begun: TestStep["step"] }
  | ({ readonly begun?: never; readonly call?: string } & TestStep);

export type TestCallPlan = { readonly number: string } & (
  | { readonly connections: readonly ConnectionId[] }
  | { readonly draft: Connection }
);

export interface CallsFace {
  /** All that is known of a call; undefined where it is over and made room for newer ones. */
  report(call: string): CallReport | undefined;
  /** The latest calls of strangers who were refused, newest first. */
  strangers(): readonly CallRecord[];
}

/** The running gateway, as the admin sees it. */
export interface GatewayFace {
  /** A new configuration was saved. */
  apply(config: Config): void;
  status(): Status;
  /** Calls back after each change of `status`; returns the way out. */
  subscribe(listener: () => void): () => void;
  hangUp(call: string): void;
  /** Puts `number` in the place of one of the call's parties, as far as it can be reached. */
  transfer(call: string, whom: { leaves: "caller" | "callee"; number: string }): void;
  /** Ends a ban, by the source's name in the status. */
  unban(source: string): void;
  /** What would happen if the user dialled that now, or would have happened then. */
  explain(user: User, number: string, past?: Past): Explanation;
  /** What became of calls, and why. */
  readonly calls: CallsFace;
  /** Asks a PBX whether it would work so; `tell` hears of each step. Resolves when it is over. */
  test(
    connection: Connection,
    doubts: PatternDoubts,
    tell: (event: TestEvent) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Calls that number by one of the connections, or by one that is not saved, and listens (X3).
   * Resolves when it is over, rejects while another one is under way.
   */
  testCall(
    plan: TestCallPlan,
    tell: (event: TestEvent) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Waits for a call that comes in by the connection, and for its end (TST-08). */
  awaitCall(
    connection: ConnectionId,
    tell: (event: TestEvent) => void,
    signal: AbortSignal,
  ): Promise<void>;
}

/** What runs beside the calls, as the admin sees it. */
export interface OperationsFace {
  /** Of one connection, newest first. */
  history(connection: number, limit: number, before?: number): Promise<StoredChange[]>;
  /** How connections stood at that time. */
  states(at: number): Promise<StateThen[]>;
  /** How a test call by a connection went. */
  tested(change: NewChange): Promise<void>;
  /** A call by the connection was heard both ways. */
  heard(connection: number, way: Way, at: number): Promise<void>;
  /** What is verified of a connection; of all of them. */
  verification(connection: number): Promise<Verification>;
  verifications(): Promise<ReadonlyMap<number, Verification>>;
  /** When a test call by it last passed. */
  passedAt(connection: number): Promise<number | undefined>;
  alerts(limit: number, before?: number): Promise<Alert[]>;
  peakCalls(connection: number, since: number): Promise<number>;
  /** What is the matter now. */
  raised(): readonly { rule: string; subject: string; text: string }[];
  /** False while the disk is full (D4). */
  canWrite(): boolean;
  /** Why a test did not arrive; undefined where it did. */
  tryWebhook(): Promise<string | undefined>;
  newWebhookSecret(): Promise<string>;
  backups(): Backup[];
  /** The new backup's name. */
  backUp(): Promise<string>;
}

/** argon2id, which is the runtime's; off the event loop. */
export interface PasswordHasher {
  hash(password: string): Promise<string>;
  /** Without a hash, of an account that isn't there, it takes as long and says no (W4). */
  verify(password: string, hash: string | undefined): Promise<boolean>;
}

export interface Services {
  store: Store;
  access: Access;
  accounts: Accounts;
  invitations: Invitations;
  audit: Audit;
  records: Pick<Records, "newest" | "one" | "around">;
  gateway: GatewayFace;
  operations: OperationsFace;
  hasher: PasswordHasher;
  /** Writes a mistake of ours to the log. */
  report: (error: Error) => void;
  /** The wall clock, milliseconds since 1970. */
  now: () => number;
}

export interface AdminEnv {
  Bindings: { remoteAddress: string };
  Variables: {
    /** Who acts: an account's name, or `token NAME`; and from where. */
    actor: Exclude<Actor, string>;
    role: Role;
    /** The account's id; undefined for a program. */
    account: number | undefined;
    /** How it was proved; only a cookie can be used by a foreign page. */
    provenBy: "cookie" | "token";
    /** Whether that proof still holds, for answers that go on for long. */
    isStillProven: () => Promise<boolean>;
  };
}
