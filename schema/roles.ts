/**
 * What somebody may do, a person or a program: a viewer sees how it goes, an operator sees everything
 * and may act on what runs, an admin changes the configuration and who may come in.
 */
import type { TokenScope } from "./tables.ts";

/** From the least to the most; each may do what those before it may. */
export const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

export const SCOPES = ["read", "operate", "all"] as const satisfies readonly TokenScope[];

/** Whether `role` may do what needs `needed`. */
export function suffices(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

/** What a program may do by its token's scope (D14). */
export function roleOfScope(scope: TokenScope): Role {
  return scope === "all" ? "admin" : scope === "operate" ? "operator" : "viewer";
}
