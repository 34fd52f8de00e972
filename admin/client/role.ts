/** What whoever looks at the page may do, as the gateway wrote it there. */
import { type Role, suffices } from "../../schema/roles.ts";

export function may(needed: Role): boolean {
  const role = document.body.dataset["role"] as Role | undefined;
  return role !== undefined && suffices(role, needed);
}
