/**
 * Kamailio (Debian), with whatever script; and as a small company's registrar and proxy: phones and
 * the gateway register, calls go to whoever registered, several at once where several did, and the
 * proxy stays in the route.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";

export interface KamailioOptions {
  directory: string;
  port: number;
  /** The account that has to prove itself; `user` may be a regular expression, for many. */
  account: { user: string; password: string };
  /** SIP over WebSocket on the same port (Debian's kamailio-websocket-modules). */
  webSocket?: boolean;
}

/** Whether Debian's modules for SIP over WebSocket are here. */
export function hasKamailioWebSocket(): boolean {
  return (
    new Bun.Glob("usr/lib/*/kamailio/modules/websocket.so").scanSync({ cwd: "/" }).next().done ===
    false
  );
}

export class Kamailio {
  readonly #process: Subprocess<"ignore", "ignore", "pipe">;
  log = "";

  private constructor(process: Subprocess<"ignore", "ignore", "pipe">) {
    this.#process = process;
    void this.#follow();
  }

  /** The company's registrar and proxy. */
  static start(options: KamailioOptions): Promise<Kamailio> {
    return Kamailio.run(options.directory, options.port, configuration(options));
  }

  /** With a script of the caller's, which answers an OPTIONS of the Call-ID `up`. */
  static async run(directory: string, port: number, script: string): Promise<Kamailio> {
    mkdirSync(directory, { recursive: true });
    const file = join(directory, "kamailio.cfg");
    writeFileSync(file, script);
    const process = Bun.spawn(
      [
        ...["kamailio", "-f", file, "-DD", "-E", "-m", "256", "-M", "8"],
        ...["-Y", directory, "-w", directory, "-P", join(directory, "pid")],
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    const kamailio = new Kamailio(process);
    await kamailio.#answers(port);
    return kamailio;
  }

  get pid(): number {
    return this.#process.pid;
  }

  async stop(): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#process.exited;
  }

  async #follow(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#process.stderr) this.log += decoder.decode(chunk);
  }

  /** Resolves when it answers to OPTIONS. */
  async #answers(port: number): Promise<void> {
    let answered = false;
    const socket = await Bun.udpSocket({
      hostname: "127.0.0.1",
      socket: {
        data: () => {
          answered = true;
        },
        error: () => {},
      },
    });
    const options = [
      `OPTIONS sip:127.0.0.1:${port} SIP/2.0`,
      `Via: SIP/2.0/UDP 127.0.0.1:${socket.port};branch=z9hG4bKup`,
      "From: <sip:test@127.0.0.1>;tag=1",
      `To: <sip:127.0.0.1:${port}>`,
      "Call-ID: up",
      "CSeq: 1 OPTIONS",
      "Max-Forwards: 70",
      "Content-Length: 0",
      "",
      "",
    ].join("\r\n");
    for (let tries = 0; !answered && tries < 100; tries++) {
      try {
        socket.send(options, port, "127.0.0.1");
      } catch {
        // Not listening yet.
      }
      await Bun.sleep(100);
    }
    socket.close();
    if (!answered) throw new Error(`Kamailio does not answer:\n${this.log}`);
  }
}

function configuration({ port, account, webSocket = false }: KamailioOptions): string {
  const modules = [
    "tm",
    "sl",
    "rr",
    "pv",
    "maxfwd",
    "textops",
    "siputils",
    "usrloc",
    "registrar",
    "auth",
    ...(webSocket ? ["xhttp", "websocket"] : []),
  ];
  const { user, password } = account;
  return `
debug=1
log_stderror=yes
children=2
${webSocket ? `tcp_accept_no_cl=yes\ntcp_children=2\nlisten=tcp:127.0.0.1:${port}` : "disable_tcp=yes"}
listen=udp:127.0.0.1:${port}
${modules.map((name) => `loadmodule "${name}.so"`).join("\n")}
modparam("usrloc", "db_mode", 0)
modparam("rr", "enable_full_lr", 1)

request_route {
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (has_totag()) {
    if (loose_route()) { route(RELAY); }
    # sipp's own caller knows no routes: what it sends inside a dialog names the callee still.
    if (lookup("location")) { route(RELAY); }
    if (is_method("ACK") && t_check_trans()) { t_relay(); }
    if (!is_method("ACK")) { sl_send_reply("404", "Not here"); }
    exit;
  }
  if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
  if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
  if (is_method("REGISTER")) {
    if ($tU =~ "^${user}$" && !pv_www_authenticate("$td", "${password}", "0")) {
      www_challenge("$td", "0");
      exit;
    }
    save("location");
    exit;
  }
  if ($fU =~ "^${user}$") {
    if (!pv_proxy_authenticate("$fd", "${password}", "0")) { proxy_challenge("$fd", "0"); exit; }
    consume_credentials();
  }
  record_route();
  if (!lookup("location")) { sl_send_reply("404", "Not Found"); exit; }
  route(RELAY);
}

route[RELAY] {
  if (!t_relay()) { sl_reply_error(); }
  exit;
}
${webSocket ? HANDSHAKE : ""}`;
}

const HANDSHAKE = `
event_route[xhttp:request] {
  if ($hdr(Upgrade) =~ "websocket") { ws_handle_handshake(); }
  exit;
}
`;
