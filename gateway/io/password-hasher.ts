/**
 * Passwords of accounts: argon2id, which is the runtime's and works on threads of its own. Who asks
 * for an account that isn't there waits as long as for one that is (W4).
 */

/** Of a password that was thrown away; with the parameters `hash` uses, or time would tell. */
const NOBODYS =
  "$argon2id$v=19$m=65536,t=2,p=1$ZTBwcZGbUmCUia+jPtoUrau8UnHxuYs/GI0luK1BJdw$dVFg+CYxX9lss4p0dNg5StVXVBcpiJXMsFnIxxbzrew";

/** The hash in its own form, with salt and parameters (PHC). */
function hash(password: string): Promise<string> {
  return Bun.password.hash(password, "argon2id");
}

/** False without a hash, after as much work as with one. */
async function verify(password: string, hash: string | undefined): Promise<boolean> {
  const isRight = await Bun.password.verify(password, hash ?? NOBODYS);
  return isRight && hash !== undefined;
}

export const passwordHasher = { hash, verify };
