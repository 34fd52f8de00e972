/** Every page behind the log-in. */
import { startForms } from "../form.ts";
import { startShell } from "../shell.ts";

startShell();
startForms();
