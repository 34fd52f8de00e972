/** A PBX that registers here gets a new password: it is shown once (REG-08). */
import { api } from "./api.ts";
import { all } from "./dom.ts";
import { type Credentials, confirmed, shownOnce } from "./notify.ts";

export function renewPasswords(): void {
  for (const button of all<HTMLButtonElement>("button[data-renew]")) {
    button.addEventListener("click", () => void renew(button.dataset["renew"] ?? ""));
  }
}

async function renew(path: string): Promise<void> {
  const text = "The PBX is not registered any more until it has the new one.";
  const question = { title: "Make a new password?", text, yes: "Make it", isDangerous: true };
  if (!(await confirmed(question))) return;
  await shownOnce(await api<Credentials>("POST", path));
  // The connection's version is another one: what is saved next is saved over that.
  location.reload();
}
