/**
 * PBXs that only register, as a program of its own: hosts on 127.40.0.x, each with SIP over UDP and
 * digest. It keeps when each REGISTER came and whose it was. Started by `Registrars`.
 */
import { hashHex } from "../../gateway/crypto.ts";
import { quantile } from "../load/samples.ts";
import type { FromRegistrar, RegistrarPlan, Registration, ToRegistrar } from "./protocol.ts";

const REALM = "pbx";
const REPEATED = /^(?:Via|From|To|Call-ID|CSeq) *:/i;

let kept: Registration[] = [];
/** When each account was last granted a registration, ms since the epoch. */
const granted = new Map<string, number>();
let refused = 0;

const tell = (message: FromRegistrar) => process.send?.(message);

async function open(plan: RegistrarPlan): Promise<void> {
  for (const [host, address] of plan.hosts.entries()) {
    await Bun.udpSocket({
      hostname: address,
      port: plan.port,
      binaryType: "buffer",
      socket: {
        data: (own, data, port, from) => {
          const answer = answerTo(data.toString(), host, plan);
          if (answer !== undefined) own.send(answer, port, from);
        },
        error: () => {},
      },
    });
  }
  tell({ type: "open" });
}

function answerTo(request: string, host: number, plan: RegistrarPlan): string | undefined {
  const method = request.slice(0, request.indexOf(" "));
  if (method === "SIP/2.0" || method === "ACK") return undefined;
  const head = request.slice(0, request.indexOf("\r\n\r\n")).split("\r\n");
  const repeated = head.filter((line) => REPEATED.test(line)).map(tagged);
  if (method !== "REGISTER") return respond("200 OK", repeated, []);
  const at = Date.now();
  const credentials = /^Authorization: *Digest (.*)$/im.exec(request)?.[1];
  kept.push({ at, host });
  if (credentials === undefined) {
    const challenge = `WWW-Authenticate: Digest realm="${REALM}", nonce="${at}-${host}", qop="auth", algorithm=MD5`;
    return respond("401 Unauthorized", repeated, [challenge]);
  }
  const user = isRight(credentials, plan.password);
  if (user === undefined) {
    refused += 1;
    return respond("403 Forbidden", repeated, []);
  }
  const contact = /^(?:Contact|m): *(<[^>]*>)/im.exec(request)?.[1] ?? "";
  const isGone = /expires=0\b/i.test(request) || /^Expires: *0\b/im.test(request);
  if (!isGone) granted.set(user, at);
  const expires = isGone ? 0 : plan.expiresSeconds;
  return respond("200 OK", repeated, [`Contact: ${contact};expires=${expires}`]);
}

/** The user whose password it was (RFC 7616 §3.4 with qop). */
function isRight(credentials: string, password: string): string | undefined {
  const field = (name: string) =>
    new RegExp(`(?:^|[ ,])${name}="?([^",]*)"?`).exec(credentials)?.[1] ?? "";
  const user = field("username");
  const ha1 = hashHex("md5", `${user}:${field("realm")}:${password}`);
  const ha2 = hashHex("md5", `REGISTER:${field("uri")}`);
  const parts = [ha1, field("nonce"), field("nc"), field("cnonce"), field("qop"), ha2];
  return hashHex("md5", parts.join(":")) === field("response") ? user : undefined;
}

function respond(status: string, repeated: readonly string[], more: readonly string[]): string {
  return [`SIP/2.0 ${status}`, ...repeated, ...more, "Content-Length: 0", "", ""].join("\r\n");
}

function tagged(line: string): string {
  return /^To *:/i.test(line) && !line.includes(";tag=") ? `${line};tag=registrar` : line;
}

process.on("message", (message: ToRegistrar) => {
  if (message.type === "open") void open(message.plan);
  else if (message.type === "forget") {
    kept = [];
    granted.clear();
    tell({ type: "forgotten" });
  } else {
    const times = [...granted.values()].sort((a, b) => a - b);
    const [lastAt, halfAt] = [times.at(-1) ?? 0, quantile(times, 0.5)];
    tell({ type: "seen", accounts: granted.size, halfAt, lastAt, refused, registrations: kept });
  }
});
process.on("disconnect", () => process.exit(0));
tell({ type: "ready" });
