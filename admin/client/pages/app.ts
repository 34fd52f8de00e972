/** Every page behind the log-in. */
import { ApiError } from "../api.ts";
import { startForms } from "../form.ts";
import { toast } from "../notify.ts";
import { startShell } from "../shell.ts";

// What the gateway refused, and whoever asked said nothing of: the person is told all the same.
addEventListener("unhandledrejection", (event) => {
  if (!(event.reason instanceof ApiError)) return;
  event.preventDefault();
  toast(event.reason.text, "bad");
});
startShell();
startForms();
