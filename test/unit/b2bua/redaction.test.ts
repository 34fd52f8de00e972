/** What is shown of a message: everything but what proves an identity or opens audio. */
import { expect, test } from "bun:test";
import { redacted } from "../../../gateway/b2bua/redaction.ts";
import { utf8 } from "../../../gateway/bytes.ts";
import { parseMessage } from "../../../gateway/sip/parse.ts";

const CANARY = "canary0000000000";

function message(headers: string[], body = "", line = "INVITE sip:1@h SIP/2.0"): string {
  return [
    line,
    "Via: SIP/2.0/UDP h;branch=z9hG4bK1",
    "From: <sip:a@h>;tag=1",
    "To: <sip:1@h>",
    "Call-ID: c1",
    "CSeq: 1 INVITE",
    ...headers,
    `Content-Length: ${utf8(body).length}`,
    "",
    body,
  ].join("\r\n");
}

test("W11: secrets are masked wherever they stand, however they are written", () => {
  const sdp = (line: string) => message(["Content-Type: application/sdp"], `v=0\r\n${line}\r\n`);
  const hostile = [
    message([`Authorization: Digest username="a", response="${CANARY}", nonce="n1"`]),
    message([`Proxy-Authorization: Digest response=${CANARY},nonce="n1"`]),
    message([`authorization : Digest RESPONSE = "${CANARY}"`]),
    message(['Authorization: Digest username="a",', ` response="${CANARY}`]),
    message([`Authorization: Basic ${CANARY}`]),
    message([`Proxy-Authorization: Bearer ${CANARY}`]),
    message(["Authorization:", ` Basic ${CANARY}`]),
    message(["Authorization: Basic", `\t${CANARY}`]),
    message(["Authorization:", " Bearer", " a", ` ${CANARY}`]),
    message(["Authorization: Digest", ` response="0`, ` ${CANARY}"`]),
    message([`Authentication-Info: nextnonce="n2", rspauth="${CANARY}", nc=00000001`]),
    message([`Proxy-Authentication-Info: rspauth=${CANARY}`]),
    message([`Contact: <sip:a:${CANARY}@h>`]),
    message([`Refer-To: <sip:b@h?Authorization=${CANARY}&x=y>`]),
    sdp(`a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${CANARY}|2^20|1:4`),
    sdp(`a=crypto:1 AES_CM_128_HMAC_SHA1_80 INLINE:${CANARY}`),
    sdp(`k=clear:${CANARY}`),
    sdp(`a=key-mgmt:mikey ${CANARY}`),
    sdp(`a=ice-pwd:${CANARY}`),
    message(["Content-Type: text/plain"], `my pin is ${CANARY}`, "MESSAGE sip:1@h SIP/2.0"),
    message(["Content-Type: application/sdp"], `v=0 ${CANARY}`, "MESSAGE sip:1@h SIP/2.0"),
    message(
      ["c: application/dtmf-relay"],
      `Signal=${CANARY}\r\nDuration=160`,
      "INFO sip:1@h SIP/2.0",
    ),
    message(["Content-Type: application/dtmf"], CANARY, "INFO sip:1@h SIP/2.0"),
    message(["Content-Type: application/octet-stream"], CANARY),
  ];
  for (const text of hostile)
    expect([text, redacted(text).includes(CANARY)]).toEqual([text, false]);
});

test("W11: what stays can still be read, by people and by programs", () => {
  const digest =
    'Authorization: Digest username="a", realm="r", nonce="n1", response="secret", qop=auth';
  const body = "v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:c2VjcmV0\r\n";
  const shown = redacted(message([digest, "Content-Type: application/sdp"], body));
  expect(shown).toContain('realm="r", nonce="n1", response="(masked)", qop=auth');
  expect(shown).toContain("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:(masked)\r\n");
  const parsed = parseMessage(utf8(shown));
  expect(parsed.ok && parsed.message.body.length).toBe(body.length);
  const plain = message(["User-Agent: x"], "");
  expect(redacted(plain)).toBe(plain);
});
