/** A user's page: the invitation by which a softphone is set up. */
import { api } from "../api.ts";
import { byId, setText, svg } from "../dom.ts";
import { attempt } from "../notify.ts";
import { moment } from "../time.ts";

interface Made {
  readonly url: string;
  readonly expires: number;
  readonly qr: { readonly size: number; readonly path: string };
}

/** Of the code's own modules, as the standard wants it. */
const QUIET = 4;
const card = document.getElementById("invitation");
const path = `/users/${card?.dataset["user"]}/invitation`;

function show(text: string, isGood: boolean): void {
  setText(byId("invitation-state"), text);
  byId("revoke").hidden = !isGood;
}

async function load(): Promise<void> {
  const found = await api<{ expires: number; by: string } | undefined>("GET", path);
  if (found) show(`${found.by} made one that is good until ${moment(found.expires)}.`, true);
  else show("There is none that is good.", false);
}

async function invite(): Promise<void> {
  await attempt(async () => {
    const { url, expires, qr } = await api<Made>("POST", path, { body: {} });
    setText(byId("link"), url);
    const side = qr.size + 2 * QUIET;
    const code = svg(
      "svg",
      { viewBox: `${-QUIET} ${-QUIET} ${side} ${side}`, role: "img", class: "qr" },
      svg("title", {}),
      svg("path", { d: qr.path }),
    );
    setText(code.firstElementChild as Element, "The link as a QR code");
    byId("qr").replaceChildren(code);
    byId("made").hidden = false;
    show(`Good until ${moment(expires)}, and once.`, true);
  });
}

async function revoke(): Promise<void> {
  await attempt(() => api("DELETE", path));
  byId("made").hidden = true;
  await load();
}

if (card) {
  byId("invite").addEventListener("click", () => void invite());
  byId("revoke").addEventListener("click", () => void revoke());
  await load();
}
