/**
 * Who makes a test call (X3): a user for as long as it lasts, in no database, who calls out by the
 * connections under test and by no others. Connections stay as they are: they go on as if nothing were.
 */
import type { Config, User } from "../../schema/config.ts";

export type TestCaller = User & Required<Pick<User, "only">>;

export function withTestCaller(config: Config, caller: TestCaller): Config {
  return { ...config, users: [...config.users, caller] };
}
