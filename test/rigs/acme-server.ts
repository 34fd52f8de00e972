/**
 * An ACME server (RFC 8555) for tests: it checks every signature, nonce and URL, asks for the HTTP-01
 * challenge where it is told that port 80 is, and has OpenSSL sign what was asked for.
 */
import { createHash, createPublicKey, randomUUID, verify } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openssl } from "./openssl.ts";

interface JsonWebKey {
  readonly crv?: string;
  readonly kty?: string;
  readonly x?: string;
  readonly y?: string;
}

interface Jws {
  readonly protected: string;
  readonly payload: string;
  readonly signature: string;
}

interface Order {
  readonly names: readonly string[];
  status: "pending" | "ready" | "valid" | "invalid";
  chain?: string;
}

interface Authorization {
  readonly name: string;
  readonly order: number;
  readonly token: string;
  status: "pending" | "valid" | "invalid";
  problem?: string;
}

const decoded = (text: string) => Buffer.from(text, "base64url");

export class AcmeServer {
  readonly #directory: string;
  readonly #server: Bun.Server<undefined>;
  readonly #nonces = new Set<string>();
  readonly #accounts: { jwk: JsonWebKey; contact?: string[] }[] = [];
  readonly #orders: Order[] = [];
  readonly #authorizations: Authorization[] = [];
  /** Where port 80 of every name is. */
  challengePort = 0;
  /** Days a certificate lasts. */
  days = 90;
  /** The next so many requests are told that their nonce is used up. */
  badNonces = 0;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request) => this.#answer(request),
    });
  }

  /** With an authority of its own in the directory: `ca.pem`. */
  static async start(directory: string): Promise<AcmeServer> {
    await openssl(
      ...[directory, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
      ...["-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Test Authority"],
      ...["-days", "3650"],
    );
    return new AcmeServer(directory);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  get contacts(): readonly (string[] | undefined)[] {
    return this.#accounts.map(({ contact }) => contact);
  }

  get orders(): readonly Order[] {
    return this.#orders;
  }

  stop(): Promise<void> {
    return this.#server.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const nonce = randomUUID();
    this.#nonces.add(nonce);
    const headers = { "Replay-Nonce": nonce, "Cache-Control": "no-store" };
    if (pathname === "/directory") {
      const entry = (name: string) => [name, `${this.url}/${name}`];
      const names = ["newNonce", "newAccount", "newOrder"];
      return Response.json(Object.fromEntries(names.map(entry)));
    }
    if (pathname === "/newNonce") return new Response(null, { headers });
    try {
      const { status = 200, location, body } = await this.#serve(pathname, request);
      return new Response(typeof body === "string" ? body : JSON.stringify(body), {
        status,
        headers: { ...headers, ...(location === undefined ? {} : { Location: location }) },
      });
    } catch (error) {
      const [type = "malformed", detail = ""] = (error as Error).message.split(": ");
      const problem = { type: `urn:ietf:params:acme:error:${type}`, detail };
      return Response.json(problem, { status: 400, headers });
    }
  }

  async #serve(
    pathname: string,
    request: Request,
  ): Promise<{ status?: number; location?: string; body: object | string }> {
    const { payload, account, jwk } = this.#verified((await request.json()) as Jws, request.url);
    const [, kind, text] = pathname.split("/");
    const id = Number(text);
    if (kind === "newAccount") {
      if (payload?.["termsOfServiceAgreed"] !== true) throw new Error("userActionRequired: agree");
      const known = this.#accounts.findIndex((it) => same(it.jwk, jwk));
      const contact = payload["contact"] as string[] | undefined;
      const index =
        known >= 0 ? known : this.#accounts.push({ jwk, ...(contact ? { contact } : {}) }) - 1;
      return { status: 201, location: `${this.url}/account/${index}`, body: { status: "valid" } };
    }
    if (account === undefined) throw new Error("unauthorized: an account is needed");
    if (kind === "newOrder") return this.#newOrder(payload);
    if (kind === "authz") return { body: this.#authorizationBody(id) };
    if (kind === "challenge") return this.#challenged(id, this.#accounts[account]?.jwk ?? {});
    if (kind === "order") return { body: this.#orderBody(id) };
    if (kind === "finalize") return this.#finalize(id, String(payload?.["csr"] ?? ""));
    if (kind === "certificate") return { body: this.#orders[id]?.chain ?? "" };
    throw new Error(`malformed: there is no ${pathname}`);
  }

  #verified(jws: Jws, url: string) {
    const head = JSON.parse(decoded(jws.protected).toString()) as {
      alg: string;
      nonce: string;
      url: string;
      jwk?: JsonWebKey;
      kid?: string;
    };
    const isFresh = this.#nonces.delete(head.nonce);
    this.badNonces -= 1;
    if (!isFresh || this.badNonces >= 0) throw new Error("badNonce: it was used");
    if (head.url !== url) throw new Error("unauthorized: signed for another URL");
    const account = head.kid === undefined ? undefined : Number(head.kid.split("/").at(-1));
    const jwk = head.jwk ?? this.#accounts[account ?? -1]?.jwk;
    if (!jwk || head.alg !== "ES256") throw new Error("unauthorized: who is this");
    const key = { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" };
    const data = Buffer.from(`${jws.protected}.${jws.payload}`);
    if (!verify("sha256", data, key as never, decoded(jws.signature))) {
      throw new Error("unauthorized: the signature is wrong");
    }
    const text = decoded(jws.payload).toString();
    const payload = text === "" ? undefined : (JSON.parse(text) as Record<string, unknown>);
    return { payload, account, jwk };
  }

  #newOrder(payload: Record<string, unknown> | undefined) {
    const identifiers = payload?.["identifiers"] as { type: string; value: string }[];
    const names = identifiers.map(({ value }) => value);
    const id = this.#orders.push({ names, status: "pending" }) - 1;
    for (const name of names) {
      this.#authorizations.push({ name, order: id, token: randomUUID(), status: "pending" });
    }
    return { status: 201, location: `${this.url}/order/${id}`, body: this.#orderBody(id) };
  }

  #orderBody(id: number): object {
    const order = this.#orders[id];
    return {
      status: order?.status,
      authorizations: this.#authorizations.flatMap((it, index) =>
        it.order === id ? [`${this.url}/authz/${index}`] : [],
      ),
      finalize: `${this.url}/finalize/${id}`,
      ...(order?.chain === undefined ? {} : { certificate: `${this.url}/certificate/${id}` }),
    };
  }

  #authorizationBody(id: number): object {
    const { name, token, status, problem } = this.#authorizations[id] ?? {};
    const error = problem === undefined ? {} : { error: { detail: problem } };
    const challenge = { type: "http-01", url: `${this.url}/challenge/${id}`, token, ...error };
    const other = { type: "dns-01", url: `${this.url}/nowhere`, token };
    return { status, identifier: { type: "dns", value: name }, challenges: [other, challenge] };
  }

  async #challenged(id: number, jwk: JsonWebKey) {
    const authorization = this.#authorizations[id];
    if (!authorization) throw new Error("malformed: no such challenge");
    const { name, token } = authorization;
    const { crv, kty, x, y } = jwk;
    const canonical = JSON.stringify({ crv, kty, x, y });
    const thumbprint = createHash("sha256").update(canonical).digest("base64url");
    const address = `http://127.0.0.1:${this.challengePort}/.well-known/acme-challenge/${token}`;
    // Behind the answer, as real servers do.
    void fetch(address, { headers: { Host: name } })
      .then((response) => response.text())
      .catch(() => "nothing")
      .then((text) => {
        const isRight = text === `${token}.${thumbprint}`;
        authorization.status = isRight ? "valid" : "invalid";
        if (!isRight) authorization.problem = `${name} answered with ${text.slice(0, 20)}`;
      });
    return { body: { type: "http-01", token, status: "processing" } };
  }

  async #finalize(id: number, csr: string) {
    const order = this.#orders[id];
    if (!order) throw new Error("malformed: no such order");
    const proofs = this.#authorizations.filter((it) => it.order === id);
    if (!proofs.every(({ status }) => status === "valid")) {
      throw new Error("orderNotReady: not every name is proved");
    }
    const [request, signed] = [`${id}.csr`, `${id}.pem`];
    writeFileSync(join(this.#directory, request), decoded(csr));
    await openssl(
      ...[this.#directory, "req", "-inform", "DER", "-in", request, "-verify", "-noout"],
    );
    await openssl(
      ...[this.#directory, "x509", "-req", "-inform", "DER", "-in", request, "-out", signed],
      ...["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-copy_extensions", "copy"],
      ...["-days", String(this.days)],
    );
    const read = (name: string) => readFileSync(join(this.#directory, name), "utf8");
    order.chain = `${read(signed)}${read("ca.pem")}`;
    order.status = "valid";
    return { body: this.#orderBody(id) };
  }
}

function same(a: JsonWebKey, b: JsonWebKey): boolean {
  return a.x === b.x && a.y === b.y;
}
