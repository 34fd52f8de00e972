/** The SIP parser and printer on an INVITE as a browser sends it. */
import { utf8 } from "../../gateway/bytes.ts";
import { systemRandom } from "../../gateway/io/random.ts";
import { createRequest } from "../../gateway/sip/build.ts";
import { parseMessage } from "../../gateway/sip/parse.ts";
import { printMessage } from "../../gateway/sip/print.ts";
import type { MicroResult } from "./micro.ts";
import { timed } from "./timing.ts";

const CANDIDATES = Array.from(
  { length: 6 },
  (_, index) => `a=candidate:${index} 1 udp 2122260223 192.0.2.${index} 5000${index} typ host`,
);

export function sipResults(): MicroResult[] {
  const fingerprint = systemRandom
    .bytes(32)
    .toHex()
    .toUpperCase()
    .replace(/(..)(?=.)/g, "$1:");
  const sdp = [
    ...["v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0"],
    ...["a=group:BUNDLE 0", "m=audio 50000 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126"],
    ...[
      "c=IN IP4 192.0.2.1",
      ...CANDIDATES,
      "a=ice-ufrag:abcd",
      "a=ice-pwd:abcdefghijklmnopqrstuvwx",
    ],
    ...[`a=fingerprint:sha-256 ${fingerprint}`, "a=setup:actpass", "a=mid:0", "a=sendrecv"],
    ...["a=rtcp-mux", "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1", ""],
  ].join("\r\n");
  const message = createRequest({
    method: "INVITE",
    uri: "sip:250@example.com",
    from: { uri: "sip:alice@example.com", params: new Map([["tag", "a73kszlfl"]]) },
    to: { uri: "sip:250@example.com", params: new Map() },
    callId: "1j9FpLxk3uxtm8tn@biloxi.example.com",
    cseq: 1,
    contact: "<sip:alice@df7jal23ls0d.invalid;transport=ws>",
    headers: [
      ["Via", "SIP/2.0/WS df7jal23ls0d.invalid;branch=z9hG4bK56sdasks"],
      ["Allow", "INVITE, ACK, CANCEL, BYE, UPDATE, MESSAGE, OPTIONS, REFER, INFO, NOTIFY"],
      ["Supported", "timer, ice, replaces, outbound"],
      ["User-Agent", "JsSIP 3.13.8"],
    ],
    body: { type: "application/sdp", bytes: utf8(sdp) },
  });
  const bytes = printMessage(message);
  if (!parseMessage(bytes).ok) throw new Error("the parser refuses our own INVITE");
  return [
    {
      name: `SIP parse, INVITE of ${bytes.length} bytes`,
      ours: timed(() => void parseMessage(bytes)),
    },
    { name: "SIP print, the same", ours: timed(() => void printMessage(message)) },
  ];
}
