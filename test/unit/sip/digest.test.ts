/** Digest: RFC 7616's own examples, and P10's ways to get it wrong. */
import { expect, test } from "bun:test";
import { EMPTY } from "../../../gateway/bytes.ts";
import { createRequest, createResponse } from "../../../gateway/sip/build.ts";
import { digestHa1, digestResponse, parseDigest } from "../../../gateway/sip/digest.ts";
import { answerChallenge, type DigestState } from "../../../gateway/sip/digest-client.ts";
import { DigestServer } from "../../../gateway/sip/digest-server.ts";
import type { SipRequest } from "../../../gateway/sip/message.ts";
import { scaled } from "../../rigs/scale.ts";
import { seededRandom } from "../../sim/random.ts";

const example = {
  method: "GET",
  uri: "/dir/index.html",
  nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
  cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
  nonceCount: "00000001",
  qop: "auth",
  body: EMPTY,
} as const;

test.each([
  ["MD5", "8ca523f5e9506fed4657c9700eebdbec"],
  ["SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"],
] as const)("RFC 7616 §3.9.1: the example with %s", (algorithm, response) => {
  const ha1 = digestHa1(algorithm, "Mufasa", "http-auth@example.org", "Circle of Life");
  expect(digestResponse({ ...example, choice: { algorithm, session: false }, ha1 })).toBe(response);
});

const random = seededRandom(5);
const credentials = { username: "alice", password: "secret", realm: "*" };
const requestOf = (method = "REGISTER", headers: [string, string][] = []): SipRequest =>
  createRequest({
    method,
    uri: "sip:example.com",
    from: { uri: "sip:alice@example.com", params: new Map([["tag", "a"]]) },
    to: { uri: "sip:alice@example.com", params: new Map() },
    callId: "c",
    cseq: 1,
    headers,
  });

function challenged(values: string[], status = 401) {
  const name = status === 407 ? "Proxy-Authenticate" : "WWW-Authenticate";
  return createResponse(requestOf(), status, {
    headers: values.map((value) => [name, value] as const),
  });
}

const what = { method: "REGISTER", uri: "sip:example.com", body: EMPTY };
const answer = (values: string[], state: DigestState = {}, realm = "*", status = 401) =>
  answerChallenge(challenged(values, status), { ...credentials, realm }, what, state, random);

test("CON-18: a fixed realm answers only its own, and says what it got", () => {
  const values = ['Digest realm="asterisk", nonce="n"'];
  expect(answer(values, {}, "asterisk").ok).toBe(true);
  expect(answer(values, {}, "pbx")).toEqual({
    ok: false,
    reason: "realm mismatch: wanted pbx, got asterisk",
  });
  expect(answer(values).ok).toBe(true);
});

test("CON-19: a second challenge without stale=true is the end; with it the new nonce is used", () => {
  const state: DigestState = {};
  expect(answer(['Digest realm="r", nonce="one", qop="auth"'], state).ok).toBe(true);
  expect(answer(['Digest realm="r", nonce="two", qop="auth"'], { ...state })).toMatchObject({
    ok: false,
  });
  const again = answer(['Digest realm="r", nonce="two", qop="auth", stale=TRUE'], state);
  expect(again.ok && again.headers[0]?.[1]).toContain('nonce="two"');
});

test("RFC 8760: of several challenges the strongest algorithm known is answered", () => {
  const result = answer([
    'Digest realm="r", nonce="a", algorithm=MD5, qop="auth"',
    'Digest realm="r", nonce="b", algorithm=SHA-256, qop="auth"',
    'Digest realm="r", nonce="c", algorithm=WHIRLPOOL, qop="auth"',
    'Basic realm="r"',
  ]);
  expect(result.ok && result.headers[0]?.[1]).toContain("algorithm=SHA-256");
});

test("407 is answered by Proxy-Authorization; a challenge without qop by the old form", () => {
  const result = answer(['Digest realm="r", nonce="n", opaque="o"'], {}, "*", 407);
  if (!result.ok) throw new Error(result.reason);
  expect(result.headers[0]?.[0]).toBe("Proxy-Authorization");
  const params = parseDigest(result.headers[0]?.[1] ?? "");
  expect(params?.has("cnonce")).toBe(false);
  expect(params?.get("opaque")).toBe("o");
});

test("P10: a quality of protection or an algorithm nobody knows is refused in words", () => {
  expect(answer(['Digest realm="r", nonce="n", qop="auth-conf"'])).toMatchObject({ ok: false });
  expect(answer(['Digest realm="r", nonce="n", algorithm=NONE'])).toMatchObject({ ok: false });
  expect(answer(['Digest realm="r"'])).toMatchObject({ ok: false });
});

const ha1 = { md5: digestHa1("MD5", "alice", "jackfield", "secret"), sha256: "" };
const known = (name: string) => (name === "alice" ? ha1 : undefined);
const serverOf = () => new DigestServer({ realm: "jackfield", secret: random.bytes(32), random });

function authorized(
  server: DigestServer,
  now: number,
  source: string,
  password = "secret",
  username = "alice",
) {
  const response = challenged(server.challenge(now, source));
  const result = answerChallenge(response, { username, password, realm: "*" }, what, {}, random);
  if (!result.ok) throw new Error(result.reason);
  return requestOf("REGISTER", result.headers);
}

test("the server lets the right password in once for each count, and nothing else", () => {
  const server = serverOf();
  const request = authorized(server, 1_000, "10.0.0.1");
  expect(server.verify(request, known, 1_100, "10.0.0.1")).toEqual({
    outcome: "ok",
    username: "alice",
  });
  expect(server.verify(request, known, 1_200, "10.0.0.1")).toEqual({ outcome: "stale" });
  expect(server.verify(requestOf(), known, 1_200, "10.0.0.1")).toEqual({ outcome: "none" });
});

test("P10: a nonce of another source, an old one and a made-up one are stale; a wrong password is wrong", () => {
  const server = serverOf();
  expect(server.verify(authorized(server, 0, "10.0.0.1"), known, 10, "10.0.0.2").outcome).toBe(
    "stale",
  );
  expect(server.verify(authorized(server, 0, "10.0.0.1"), known, 301_000, "10.0.0.1").outcome).toBe(
    "stale",
  );
  const forged = authorized(serverOf(), 0, "10.0.0.1");
  expect(server.verify(forged, known, 10, "10.0.0.1").outcome).toBe("stale");
  const wrong = authorized(server, 0, "10.0.0.1", "guess");
  expect(server.verify(wrong, known, 10, "10.0.0.1")).toEqual({
    outcome: "wrong",
    username: "alice",
  });
  // S5: a user that does not exist is told the same.
  const nobody = authorized(server, 0, "10.0.0.1", "guess", "nobody");
  expect(server.verify(nobody, known, 10, "10.0.0.1").outcome).toBe("wrong");
});

test("E2.7: browsers are offered MD5 and qop=auth alone", () => {
  const [challenge, ...more] = serverOf().challenge(0, "x");
  expect(more).toEqual([]);
  expect(challenge).toContain("algorithm=MD5");
  expect(parseDigest(challenge ?? "")?.get("qop")).toBe("auth");
});

test("P10: credentials with parts missing, unknown or endless are none that pass", () => {
  const server = serverOf();
  const whole = authorized(server, 0, "10.0.0.1").headers.get("Authorization") ?? "";
  const without = (name: string) => whole.replace(new RegExp(`,? ?${name}=("[^"]*"|[^,]*)`), "");
  for (const text of [
    ...["nonce", "response", "username", "realm", "uri", "nc", "cnonce"].map(without),
    whole.replace(/algorithm=[^,]*/, "algorithm=MD5-sess"),
    whole.replace(/algorithm=[^,]*/, "algorithm=NONE"),
    whole.replace(/qop=[^,]*/, "qop=auth-conf"),
    `${whole}, x="${"y".repeat(65_536)}", response="${"0".repeat(32)}"`,
    "Digest",
    `Digest ${",".repeat(65_536)}`,
  ]) {
    const request = requestOf("REGISTER", [["Authorization", text]]);
    expect(server.verify(request, known, 1, "10.0.0.1").outcome).not.toBe("ok");
  }
});

test("P10: mutated credentials never throw and never pass", () => {
  const server = serverOf();
  const bytes = seededRandom(99);
  const count = scaled("P10 mutated credentials", 1_000_000, 0.005);
  for (let round = 0; round < count; round++) {
    const request = authorized(server, round, "10.0.0.1");
    const text = request.headers.get("Authorization") ?? "";
    const at = bytes.below(text.length);
    const char = String.fromCharCode(32 + bytes.below(94));
    const mutated = text.slice(0, at) + char + text.slice(at + 1);
    const { outcome } = server.verify(
      requestOf("REGISTER", [["Authorization", mutated]]),
      known,
      round + 1,
      "10.0.0.1",
    );
    if (outcome !== "ok") continue;
    // Where it passed, the change meant nothing: what the response covers is what it was.
    const [before, after] = [parseDigest(text), parseDigest(mutated)];
    for (const name of ["username", "realm", "nonce", "uri", "qop", "cnonce", "nc"]) {
      expect(after?.get(name)?.toLowerCase()).toBe(before?.get(name) as string);
    }
  }
});
