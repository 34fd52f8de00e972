/** The tables as Kysely sees them. What the columns mean is in `migrations/`. */
import type { Generated } from "kysely";

export interface Tables {
  setting: { name: string; value: string };
  user: {
    id: Generated<number>;
    name: string;
    display_name: string;
    enabled: number;
    ha1_md5: string;
    ha1_sha256: string;
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
    version: Generated<number>;
  };
  audit: {
    id: Generated<number>;
    at: number;
    actor: string;
    action: string;
    before: string | null;
    after: string | null;
  };
  call_record: {
    id: string;
    started: number;
    ended: number;
    record: string;
  };
  login_session: { token_hash: string; created: number; last_used: number };
  api_token: {
    id: Generated<number>;
    name: string;
    token_hash: string;
    created: number;
    last_used: number | null;
  };
}
