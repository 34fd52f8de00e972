/** What the admin stands on, handed in by the composition root; and what a request carries. */
import type { Status } from "../gateway/b2bua/status.ts";
import type { Access } from "../schema/access.ts";
import type { Config } from "../schema/config.ts";
import type { Records } from "../schema/records.ts";
import type { Store } from "../schema/store.ts";

/** The running gateway, as the admin sees it. */
export interface GatewayFace {
  /** A new configuration was saved. */
  apply(config: Config): void;
  status(): Status;
  /** Calls back after each change of `status`; returns the way out. */
  subscribe(listener: () => void): () => void;
  hangUp(call: string): void;
}

/** argon2id, which is the runtime's; off the event loop. */
export interface PasswordHasher {
  hash(password: string): Promise<string>;
  verify(password: string, hash: string): Promise<boolean>;
}

export interface Services {
  store: Store;
  access: Access;
  records: Records;
  gateway: GatewayFace;
  hasher: PasswordHasher;
  /** Writes a mistake of ours to the log. */
  report: (error: Error) => void;
  /** The wall clock, milliseconds since 1970. */
  now: () => number;
  /** True when pages are served over TLS. */
  secure: boolean;
}

export interface AdminEnv {
  Bindings: { remoteAddress: string };
  Variables: {
    /** Who acts: `administrator`, or `token NAME`. */
    actor: string;
    /** How it was proved; only a cookie can be used by a foreign page. */
    provenBy: "cookie" | "token";
    /** Whether that proof still holds, for answers that go on for long. */
    isStillProven: () => Promise<boolean>;
  };
}
