/**
 * The client's side of ACME (RFC 8555) with HTTP-01 challenges (§8.3), as much as a certificate for
 * host names takes. No library: what there is for it brings fifty packages along.
 */
import { createHash, type KeyObject, sign } from "node:crypto";

/** What the server refused, in its own words. */
export class AcmeError extends Error {}

/** What is asked for at `/.well-known/acme-challenge/TOKEN`; the way out takes it away again. */
export type Publish = (token: string, keyAuthorization: string) => () => void;

export interface AcmeClientOptions {
  /** Where its resources are told (§7.1.1). */
  directory: string;
  /** A private key on P-256: who we are to it. */
  accountKey: KeyObject;
  /** Where it writes of what is amiss. */
  email?: string | undefined;
  /** Milliseconds between two looks at something it is at; two seconds unless given. */
  pollMs?: number;
}

interface Resource {
  readonly status?: string;
  readonly detail?: string;
  readonly type?: string;
  readonly error?: { readonly detail?: string };
  readonly authorizations?: readonly string[];
  readonly identifier?: { readonly value: string };
  readonly challenges?: readonly Challenge[];
  readonly finalize?: string;
  readonly certificate?: string;
}

interface Challenge {
  readonly type: string;
  readonly url: string;
  readonly token: string;
  readonly error?: { readonly detail?: string };
}

interface Answer {
  readonly status: number;
  readonly location: string;
  readonly text: string;
}

const BAD_NONCE = "urn:ietf:params:acme:error:badNonce";
const REQUEST_MS = 30_000;
/** How long it may be at one thing. */
const PATIENCE_MS = 120_000;
const POLL_MS = 2_000;
const BODY_MAX = 262_144;

export class AcmeClient {
  readonly #options: AcmeClientOptions;
  readonly #jwk: Readonly<Record<string, unknown>>;
  #directory: Readonly<Record<string, string>> = {};
  #account = "";
  #nonce: string | undefined;

  constructor(options: AcmeClientOptions) {
    this.#options = options;
    const { kty, crv, x, y } = options.accountKey.export({ format: "jwk" });
    // RFC 7638 §3.2: what is required, in this order.
    this.#jwk = { crv, kty, x, y };
  }

  /**
   * A certificate chain in PEM for the names, all of them proved by HTTP-01; `request` is in DER.
   * Rejects with an `AcmeError` where the server refuses, or with what `fetch` says.
   */
  async certificate(
    names: readonly string[],
    request: Uint8Array,
    publish: Publish,
  ): Promise<string> {
    this.#directory = JSON.parse(await this.#get(this.#options.directory)) as Record<
      string,
      string
    >;
    const { email } = this.#options;
    const contact = email === undefined ? {} : { contact: [`mailto:${email}`] };
    const account = { termsOfServiceAgreed: true, ...contact };
    this.#account = (await this.#post(this.#resource("newAccount"), account)).location;
    const identifiers = names.map((value) => ({ type: "dns", value }));
    const ordered = await this.#post(this.#resource("newOrder"), { identifiers });
    const order = JSON.parse(ordered.text) as Resource;
    for (const url of order.authorizations ?? []) await this.#prove(url, publish);
    const csr = base64url(request);
    await this.#post(order.finalize ?? "", { csr });
    const { certificate = "" } = await this.#until(ordered.location, ["valid"]);
    const chain = (await this.#post(certificate, undefined)).text;
    if (!chain.includes("-----BEGIN CERTIFICATE-----")) {
      throw new AcmeError("the server answered with something that is no certificate");
    }
    return chain;
  }

  async #prove(url: string, publish: Publish): Promise<void> {
    const authorization = await this.#look(url);
    if (authorization.status === "valid") return;
    const challenge = authorization.challenges?.find(({ type }) => type === "http-01");
    const name = authorization.identifier?.value ?? "";
    if (!challenge) throw new AcmeError(`the server offers no HTTP-01 challenge for ${name}`);
    const { token } = challenge;
    const withdraw = publish(token, `${token}.${this.#thumbprint}`);
    try {
      await this.#post(challenge.url, {});
      await this.#until(url, ["valid"]);
    } finally {
      withdraw();
    }
  }

  /** RFC 7638. */
  get #thumbprint(): string {
    return base64url(createHash("sha256").update(JSON.stringify(this.#jwk)).digest());
  }

  /** Looks again and again until it is in one of the states; "invalid" is none that lasts. */
  async #until(url: string, states: readonly string[]): Promise<Resource> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const resource = await this.#look(url);
      if (states.includes(resource.status ?? "")) return resource;
      if (resource.status === "invalid") throw new AcmeError(reasonOf(resource));
      if (performance.now() > deadline) throw new AcmeError("the server takes too long");
      await Bun.sleep(this.#options.pollMs ?? POLL_MS);
    }
  }

  async #look(url: string): Promise<Resource> {
    return JSON.parse((await this.#post(url, undefined)).text) as Resource;
  }

  #resource(name: string): string {
    const url = this.#directory[name];
    if (url === undefined) throw new AcmeError(`the directory names no ${name}`);
    return url;
  }

  async #get(url: string): Promise<string> {
    const response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_MS) });
    if (!response.ok) throw new AcmeError(`${url} answered ${response.status}`);
    return textOf(response);
  }

  /** §6.2: signed; without a payload it only reads (§6.3). A used-up nonce is tried once more. */
  async #post(url: string, payload: object | undefined): Promise<Answer> {
    for (const isLast of [false, true]) {
      const answer = await this.#send(url, payload);
      if (answer.status < 400) return answer;
      const problem = problemIn(answer.text);
      if (isLast || problem.type !== BAD_NONCE) {
        throw new AcmeError(problem.detail ?? `${url} answered ${answer.status}`);
      }
    }
    throw new AcmeError(`${url} takes no request`);
  }

  async #send(url: string, payload: object | undefined): Promise<Answer> {
    const nonce = this.#nonce ?? (await this.#newNonce());
    this.#nonce = undefined;
    const by = this.#account === "" ? { jwk: this.#jwk } : { kid: this.#account };
    const head = base64url(JSON.stringify({ alg: "ES256", nonce, url, ...by }));
    const body = payload === undefined ? "" : base64url(JSON.stringify(payload));
    const key = { key: this.#options.accountKey, dsaEncoding: "ieee-p1363" } as const;
    const signature = base64url(sign("sha256", Buffer.from(`${head}.${body}`), key));
    const response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/jose+json" },
      body: JSON.stringify({ protected: head, payload: body, signature }),
      signal: AbortSignal.timeout(REQUEST_MS),
    });
    this.#nonce = response.headers.get("Replay-Nonce") ?? undefined;
    const location = response.headers.get("Location") ?? "";
    return { status: response.status, location, text: await textOf(response) };
  }

  async #newNonce(): Promise<string> {
    const signal = AbortSignal.timeout(REQUEST_MS);
    const response = await fetch(this.#resource("newNonce"), { method: "HEAD", signal });
    const nonce = response.headers.get("Replay-Nonce");
    if (nonce === null) throw new AcmeError("the server gives no nonce");
    return nonce;
  }
}

function reasonOf({ error, challenges = [] }: Resource): string {
  const reasons = [error, ...challenges.map((it) => it.error)].flatMap((it) => it?.detail ?? []);
  return reasons[0] ?? "the server found it invalid";
}

function problemIn(text: string): Resource {
  try {
    return JSON.parse(text) as Resource;
  } catch {
    return {};
  }
}

async function textOf(response: Response): Promise<string> {
  const text = await response.text();
  if (text.length > BODY_MAX) throw new AcmeError("the server's answer is too long");
  return text;
}

function base64url(data: Uint8Array | string): string {
  return Buffer.from(data).toString("base64url");
}
