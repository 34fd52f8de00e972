/** The form of a connection: what one choice means for another, sample numbers, and its status now. */
import { showConnectionHistory } from "../connection-history.ts";
import { showConnectionStatuses } from "../connection-status.ts";
import { callOnDemand, goTo, testNow, testOnDemand } from "../connection-test.ts";
import { tryPatternsWhileTyping } from "../pattern-trial.ts";
import { renewPasswords } from "../pbx-password.ts";

const form = document.querySelector<HTMLFormElement>("form[data-resource]");
const field = <Kind extends HTMLInputElement | HTMLSelectElement>(name: string) =>
  form?.querySelector<Kind>(`[name="${name}"]`) ?? undefined;

/** MED-01: what does not go over TLS is always transcoded where it has to be. */
function followTransport(): void {
  const transcoding = field<HTMLInputElement>("transcoding");
  if (!transcoding) return;
  transcoding.disabled = field("transport")?.value !== "tls";
  transcoding.checked ||= transcoding.disabled;
}

/** REG-08: a PBX that registers here tells where it is, and gets its name and password from us. */
function followType(): void {
  const isRegistering = field("type")?.value === "inbound-registration";
  for (const name of ["host", "port", "username", "password"]) {
    const box = field(name)?.closest<HTMLElement>(".field");
    if (box) box.hidden = isRegistering;
  }
  const section = document.getElementById("registering");
  if (section) section.hidden = !isRegistering;
}

if (form) {
  field("transport")?.addEventListener("change", followTransport);
  field("type")?.addEventListener("change", followType);
  followTransport();
  followType();
  tryPatternsWhileTyping(form);
  testOnDemand(form);
  // A call's page leads to the field that mends it.
  const asked = new URLSearchParams(location.search);
  const wanted = asked.get("field");
  if (wanted !== null) goTo(wanted);
  // From the list alone: no other page's link may set a test going.
  if (asked.has("test") && document.referrer.startsWith(`${location.origin}/`)) testNow();
}

showConnectionStatuses();
void showConnectionHistory();
callOnDemand();
renewPasswords();
