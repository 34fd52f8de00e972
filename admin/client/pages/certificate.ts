/** What we show by TLS, live: an order takes a few seconds. */
import type { CertificateStatus, Status } from "../../../gateway/b2bua/status.ts";
import { badge, byId, h, note, setText } from "../dom.ts";
import { live } from "../live.ts";
import { keyedRows } from "../rows.ts";
import { moment } from "../time.ts";

let ports: number[] = [];

const table = keyedRows<CertificateStatus>({
  id: "own-certificates",
  key: ({ names }) => names.join(" "),
  cells: (it) => [
    it.names.join(", "),
    moment(it.expires),
    stateOf(it),
    it.names
      .filter((name) => !name.includes("*"))
      .flatMap((name) => ports.map((port) => linkTo(name, port))),
  ],
});

function stateOf({ daysLeft, isDue, isSelfSigned }: CertificateStatus): HTMLElement[] {
  if (daysLeft < 0) return [badge("bad", "Expired")];
  const left = `${daysLeft} days left`;
  if (isSelfSigned)
    return [badge("warn", "Signed by itself"), note(`${left}; browsers warn of it`)];
  return [badge(isDue ? "warn" : "good", left)];
}

function linkTo(name: string, port: number): HTMLElement {
  const url = `https://${name}${port === 443 ? "" : `:${port}`}/`;
  return h("a", { href: url, class: "line" }, url);
}

function show({ acme, certificates, certificateProblem, network }: Status): void {
  ports = network.httpsPort === undefined ? [] : [network.httpsPort];
  table.show(certificates);
  say("certificate-problem", certificateProblem ?? failureOf(acme));
  const names = acme?.names.join(", ");
  const isOrdering = acme?.state === "ordering";
  say("certificate-order", isOrdering ? `A certificate for ${names} is being ordered.` : undefined);
}

function failureOf(acme: Status["acme"]): string | undefined {
  if (acme?.state !== "failed") return undefined;
  const { names, reason, nextAttempt } = acme;
  const again = nextAttempt === undefined ? "" : ` It is tried again at ${moment(nextAttempt)}.`;
  const list = names.join(", ");
  return `No certificate was issued for ${list}: ${reason}. Port 80 of each name must lead here.${again}`;
}

function say(id: string, text: string | undefined): void {
  const box = byId(id);
  box.hidden = text === undefined;
  const line = box.querySelector("div");
  if (line) setText(line, text ?? "");
}

live(show);
