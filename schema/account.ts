/** An account of somebody who administers, as it is shown and as it is written. */
import type { Role } from "./roles.ts";

export interface Account {
  readonly id: number;
  readonly name: string;
  readonly role: Role;
  /** One that is not can't log in. */
  readonly enabled: boolean;
  /** Wall clock, milliseconds. */
  readonly created: number;
  /** Null: never. */
  readonly lastLogIn: number | null;
}

export interface AccountInput {
  readonly name: string;
  readonly role: Role;
  readonly enabled: boolean;
  /** Absent: keeps the one there is. */
  readonly passwordHash?: string | undefined;
}
