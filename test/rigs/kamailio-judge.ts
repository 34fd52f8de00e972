/**
 * Kamailio's parser as a second opinion (P14): what it and its `sanity` module accept, message by
 * message. It answers nobody and forwards nothing. Its verdicts are read off its log, where one
 * worker writes them in the order of the datagrams; a marker behind each message ends its lines.
 */
import { Kamailio } from "./kamailio.ts";

export interface Verdict {
  accepted: boolean;
  /** What it said of the message; at the end, where it refused, the check that failed. */
  lines: string[];
}

/** Datagrams on their way at once: they fit into the socket's buffer. */
const BATCH = 20;
const PATIENCE_MS = 20_000;

/** The sanity module's own choice of checks, by their flags; those of a request line apart. */
const REQUEST_CHECKS = { 1: "version", 2: "scheme", 32: "CSeq method" };
const CHECKS = {
  4: "required headers",
  64: "CSeq number",
  128: "Content-Length",
  256: "Expires",
  1024: "URIs",
  16384: "topmost Via",
};

/** As script: each check for itself and named first, for one that fails ends the script. */
function checks(list: Readonly<Record<number, string>>, uris: number): string {
  return Object.entries(list)
    .map(
      ([flag, name]) => `  xlog("L_ERR", "CHECK ${name}\\n"); sanity_check("${flag}", "${uris}");`,
    )
    .join("\n");
}

const script = (port: number) => `
debug=0
log_stderror=yes
children=1
disable_tcp=yes
listen=udp:127.0.0.1:${port}
${["sl", "pv", "xlog", "textops", "siputils", "sanity"].map((it) => `loadmodule "${it}.so"`).join("\n")}
modparam("sanity", "noreply", 1)

request_route {
  if (is_method("MARK")) { xlog("L_ERR", "MARK $ci\\n"); exit; }
  if (is_method("OPTIONS") && $ci == "up") { sl_send_reply("200", "OK"); exit; }
${checks({ ...REQUEST_CHECKS, ...CHECKS }, 15)}
  xlog("L_ERR", "ACCEPTED\\n");
  exit;
}

reply_route {
${checks(CHECKS, 14)}
  xlog("L_ERR", "ACCEPTED\\n");
  drop;
}
`;

export class KamailioJudge {
  readonly #kamailio: Kamailio;
  readonly #socket: Bun.udp.Socket<"buffer">;
  readonly #port: number;
  #marks = 0;

  private constructor(kamailio: Kamailio, socket: Bun.udp.Socket<"buffer">, port: number) {
    this.#kamailio = kamailio;
    this.#socket = socket;
    this.#port = port;
  }

  static async start(directory: string, port: number): Promise<KamailioJudge> {
    const kamailio = await Kamailio.run(directory, port, script(port));
    const socket = await Bun.udpSocket({ hostname: "127.0.0.1", socket: { error: () => {} } });
    return new KamailioJudge(kamailio, socket, port);
  }

  async stop(): Promise<void> {
    this.#socket.close();
    await this.#kamailio.stop();
  }

  /** In the order of the messages. */
  async judge(messages: readonly Uint8Array[]): Promise<Verdict[]> {
    const verdicts: Verdict[] = [];
    for (let first = 0; first < messages.length; first += BATCH) {
      verdicts.push(...(await this.#batch(messages.slice(first, first + BATCH))));
    }
    return verdicts;
  }

  async #batch(messages: readonly Uint8Array[]): Promise<Verdict[]> {
    this.#kamailio.log = "";
    const marks = messages.map((message) => {
      this.#socket.send(message, this.#port, "127.0.0.1");
      this.#marks += 1;
      const mark = `mark-${this.#marks}`;
      this.#socket.send(marker(mark, this.#port), this.#port, "127.0.0.1");
      return mark;
    });
    await this.#logged(`MARK ${marks.at(-1)}\n`);
    let rest = this.#kamailio.log;
    return marks.map((mark) => {
      const end = rest.indexOf(`MARK ${mark}\n`);
      const lines = rest
        .slice(0, end)
        .split("\n")
        .flatMap((line) => /\b(?:ERROR|WARNING): (?:<script>: )?(.+)/.exec(line)?.[1] ?? []);
      rest = rest.slice(end);
      const accepted = lines.includes("ACCEPTED");
      const last = lines.findLast((line) => line.startsWith("CHECK "));
      const said = lines.filter((line) => !line.startsWith("CHECK "));
      return { accepted, lines: last === undefined || accepted ? said : [...said, last] };
    });
  }

  async #logged(text: string): Promise<void> {
    for (let waited = 0; !this.#kamailio.log.includes(text); waited += 5) {
      if (waited > PATIENCE_MS) throw new Error(`Kamailio does not say "${text.trim()}"`);
      await Bun.sleep(5);
    }
  }
}

function marker(callId: string, port: number): string {
  return [
    `MARK sip:127.0.0.1:${port} SIP/2.0`,
    "Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKmark",
    "From: <sip:test@127.0.0.1>;tag=1",
    "To: <sip:test@127.0.0.1>",
    `Call-ID: ${callId}`,
    "CSeq: 1 MARK",
    "Content-Length: 0",
    "",
    "",
  ].join("\r\n");
}
