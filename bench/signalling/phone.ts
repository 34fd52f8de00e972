/**
 * A phone of the load: asks and waits for the answer, one thing at a time, and reads no more of an
 * answer than it needs. It costs a fraction of what it asks for.
 */
import { hashHex } from "../../gateway/crypto.ts";
import {
  BROWSER_SDP,
  type Caller,
  inDialogText,
  inviteText,
  optionsText,
  registerText,
} from "./messages.ts";
import type { Wire } from "./wire.ts";

export interface PhoneAccount {
  readonly user: string;
  readonly password: string;
  readonly domain: string;
  /** What tells it from all others, digits and letters. */
  readonly name: string;
}

/** Nothing is repeated: on loopback an answer that is this late is lost. */
const LOST_AFTER_MS = 30_000;

export class Phone {
  readonly #wire: Wire;
  readonly #account: PhoneAccount;
  readonly #caller: Caller;
  #cseq = 0;
  #calls = 0;
  /** What the answer that is waited for says of itself. */
  #expected = "";
  #answered: ((text: string) => void) | undefined;

  constructor(wire: Wire, account: PhoneAccount) {
    this.#wire = wire;
    this.#account = account;
    const { user, domain, name } = account;
    const { host, transport } = wire;
    this.#caller = { user, host, transport, domain, tag: `t${name}`, callId: name };
    wire.onText = (text) => this.#received(text);
  }

  async options(): Promise<void> {
    this.#cseq += 1;
    const answer = await this.#ask(optionsText(this.#caller, this.#cseq), "OPTIONS");
    expectStatus(answer, 200);
  }

  /** REGISTER, the challenge, and REGISTER with digest, as after every start of a page. */
  async register(): Promise<void> {
    this.#cseq += 1;
    const first = await this.#ask(registerText(this.#caller, this.#cseq, ""), "REGISTER");
    expectStatus(first, 401);
    const credentials = this.#credentials(first);
    this.#cseq += 1;
    const second = await this.#ask(registerText(this.#caller, this.#cseq, credentials), "REGISTER");
    expectStatus(second, 200);
  }

  /** INVITE to BYE; whoever is called answers at once. */
  async call(number: string): Promise<void> {
    this.#calls += 1;
    this.#cseq += 1;
    const call = `c${this.#calls}`;
    const invite = inviteText(this.#caller, call, this.#cseq, number, BROWSER_SDP);
    const answer = await this.#ask(invite, "INVITE");
    expectStatus(answer, 200);
    const dialog = {
      target: /^(?:Contact|m):.*?<([^>]*)>/im.exec(answer)?.[1] ?? "",
      to: headerOf(answer, "To"),
      routes: routesOf(answer),
    };
    this.#wire.send(inDialogText(this.#caller, call, "ACK", this.#cseq, dialog));
    this.#cseq += 1;
    const bye = inDialogText(this.#caller, call, "BYE", this.#cseq, dialog);
    expectStatus(await this.#ask(bye, "BYE"), 200);
  }

  close(): void {
    this.#wire.close();
  }

  /** The final answer to a request with the newest CSeq. */
  async #ask(text: string, method: string): Promise<string> {
    this.#expected = `CSeq: ${this.#cseq} ${method}\r\n`;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const answer = new Promise<string>((resolve, reject) => {
      this.#answered = resolve;
      timer = setTimeout(
        () => reject(new Error(`no answer to ${this.#expected}${text}`)),
        LOST_AFTER_MS,
      );
    });
    this.#wire.send(text);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }

  #received(text: string): void {
    const isFinal = text.startsWith("SIP/2.0 ") && text[8] !== "1";
    if (!isFinal || !text.includes(this.#expected)) return;
    this.#answered?.(text);
    this.#answered = undefined;
  }

  /** RFC 7616 §3.4 with MD5, with or without qop as the challenge has it. */
  #credentials(challenge: string): string {
    const { user, password } = this.#account;
    const value = headerOf(challenge, "WWW-Authenticate");
    const realm = /realm="([^"]*)"/.exec(value)?.[1] ?? "";
    const nonce = /nonce="([^"]*)"/.exec(value)?.[1] ?? "";
    const uri = `sip:${this.#account.domain}`;
    const ha1 = hashHex("md5", `${user}:${realm}:${password}`);
    const ha2 = hashHex("md5", `REGISTER:${uri}`);
    const hasQop = value.includes("qop=");
    const response = hashHex(
      "md5",
      hasQop ? `${ha1}:${nonce}:00000001:c0:auth:${ha2}` : `${ha1}:${nonce}:${ha2}`,
    );
    const qop = hasQop ? ', qop=auth, nc=00000001, cnonce="c0"' : "";
    return `Authorization: Digest username="${user}", realm="${realm}", nonce="${nonce}", uri="${uri}", response="${response}", algorithm=MD5${qop}`;
  }
}

function headerOf(text: string, name: string): string {
  const start = text.indexOf(`\r\n${name}: `);
  if (start < 0) throw new Error(`an answer has no ${name}:\n${text}`);
  const from = start + name.length + 4;
  return text.slice(from, text.indexOf("\r\n", from));
}

/** The Record-Route of an answer, the last one first (RFC 3261 §12.1.2). */
function routesOf(text: string): string[] {
  const values = [...text.matchAll(/\r\nRecord-Route: ([^\r]*)/gi)].map((match) => match[1] ?? "");
  return values.flatMap((value) => value.split(",")).reverse();
}

function expectStatus(text: string, status: number): void {
  if (!text.startsWith(`SIP/2.0 ${status} `)) throw new Error(`${status} was expected:\n${text}`);
}
