/**
 * Who makes a test call (X3): a user for as long as it lasts, in no database, who calls out by the
 * connections under test and by no others. Connections stay as they are: they go on as if nothing were.
 * One that is not saved yet is there for that user alone, and as long.
 */
import type { Config, Connection, ConnectionId, User } from "../../schema/config.ts";

export type TestCaller = User & Required<Pick<User, "only">>;

/** Of a connection that is tried unsaved: no stored one has it. */
export const DRAFT_ID = 0 as ConnectionId;

const ANY_NUMBER = { pattern: ".", strip: 0, prepend: "" } as const;

export function withTestCaller(config: Config, caller: TestCaller, draft?: Connection): Config {
  const users = [...config.users, caller];
  if (!draft) return { ...config, users };
  return { ...config, users, connections: [...config.connections, asTried(draft)] };
}

/** The connections that are more than an attempt. */
export function lasting(connections: readonly Connection[]): readonly Connection[] {
  return connections.filter(({ id }) => id !== DRAFT_ID);
}

/** A way out and nothing else: it registers nowhere, takes no calls, and stands in for nobody. */
function asTried(draft: Connection): Connection {
  const { optionsInterval: _probed, failoverGroup: _group, inboundUser: _rung, ...rest } = draft;
  return {
    ...rest,
    id: DRAFT_ID,
    type: "outbound-trunk",
    enabled: true,
    patterns: draft.patterns.length > 0 ? draft.patterns : [ANY_NUMBER],
    ...{ users: [], allow: [], inboundNumbers: [], allowInbound: false },
    ...{ allowTransfer: false, followRedirects: false, continueOnFailure: false },
  };
}
