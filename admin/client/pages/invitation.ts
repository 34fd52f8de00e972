/** The settings of whoever was invited: into this browser's own telephone, or copied to another. */
import { byId } from "../dom.ts";
import { keepAccount } from "../phone/account.ts";
import { startShell } from "../shell.ts";

startShell();
byId<HTMLButtonElement>("open-phone").addEventListener("click", ({ currentTarget }) => {
  const { name = "", password = "" } = (currentTarget as HTMLElement).dataset;
  keepAccount({ name, password }, true);
  location.assign("/phone");
});
