/**
 * The messages of the load, as JsSIP in Chromium and a PBX write them, in text made by filling in:
 * whoever sends them must cost less than whoever reads them, or it is measured along.
 */

export interface Caller {
  user: string;
  /** The host of its Via and Contact. */
  host: string;
  transport: "WS" | "UDP";
  domain: string;
  tag: string;
  callId: string;
}

const USER_AGENT = "User-Agent: JsSIP 3.13.8";
const ALLOW = "Allow: INVITE,ACK,CANCEL,BYE,UPDATE,MESSAGE,OPTIONS,REFER,INFO,NOTIFY,SUBSCRIBE";

export function optionsText(caller: Caller, cseq: number): string {
  const { user, domain } = caller;
  return lines([
    `OPTIONS sip:${domain} SIP/2.0`,
    viaOf(caller, `o${cseq}`),
    "Max-Forwards: 70",
    `To: <sip:${domain}>`,
    `From: <sip:${user}@${domain}>;tag=${caller.tag}`,
    `Call-ID: ${caller.callId}`,
    `CSeq: ${cseq} OPTIONS`,
    `Contact: <${contactOf(caller)}>`,
    "Accept: application/sdp",
    USER_AGENT,
    "Content-Length: 0",
  ]);
}

/** `credentials` is a whole header line, or empty. */
export function registerText(caller: Caller, cseq: number, credentials: string): string {
  const { user, domain } = caller;
  return lines([
    `REGISTER sip:${domain} SIP/2.0`,
    viaOf(caller, `r${cseq}`),
    "Max-Forwards: 70",
    `To: <sip:${user}@${domain}>`,
    `From: "${user}" <sip:${user}@${domain}>;tag=${caller.tag}`,
    `Call-ID: ${caller.callId}`,
    `CSeq: ${cseq} REGISTER`,
    `Contact: <${contactOf(caller)}>;+sip.ice;reg-id=1;+sip.instance="<urn:uuid:${instanceOf(caller)}>";expires=600`,
    "Expires: 600",
    credentials,
    ALLOW,
    "Supported: path,gruu,outbound",
    USER_AGENT,
    "Content-Length: 0",
  ]);
}

/** `call` tells one caller's calls apart. */
export function inviteText(
  caller: Caller,
  call: string,
  cseq: number,
  number: string,
  sdp: string,
): string {
  const { user, domain } = caller;
  return `${lines([
    `INVITE sip:${number}@${domain} SIP/2.0`,
    viaOf(caller, `i${call}${cseq}`),
    "Max-Forwards: 69",
    `To: <sip:${number}@${domain}>`,
    `From: "${user}" <sip:${user}@${domain}>;tag=${caller.tag}`,
    `Call-ID: ${caller.callId}${call}`,
    `CSeq: ${cseq} INVITE`,
    `Contact: <${contactOf(caller)};ob>`,
    "Content-Type: application/sdp",
    "Session-Expires: 1800",
    ALLOW,
    "Supported: timer,gruu,100rel,replaces,outbound",
    USER_AGENT,
    `Content-Length: ${sdp.length}`,
  ])}${sdp}`;
}

/** ACK of a 2xx, or BYE, within the dialog a response made. */
export function inDialogText(
  caller: Caller,
  call: string,
  method: "ACK" | "BYE",
  cseq: number,
  dialog: { target: string; to: string; routes: readonly string[] },
): string {
  const { user, domain } = caller;
  return lines([
    `${method} ${dialog.target} SIP/2.0`,
    viaOf(caller, `${method}${call}${cseq}`),
    "Max-Forwards: 69",
    ...dialog.routes.map((route) => `Route: ${route}`),
    `To: ${dialog.to}`,
    `From: "${user}" <sip:${user}@${domain}>;tag=${caller.tag}`,
    `Call-ID: ${caller.callId}${call}`,
    `CSeq: ${cseq} ${method}`,
    "Supported: outbound",
    USER_AGENT,
    "Content-Length: 0",
  ]);
}

/** What a PBX answers: the lines of the request that a response repeats come with it. */
export function answerText(
  status: string,
  repeated: readonly string[],
  contact: string,
  sdp: string,
): string {
  return `${lines([
    `SIP/2.0 ${status}`,
    ...repeated,
    `Contact: <${contact}>`,
    "Server: Asterisk PBX 20.6.0",
    "Allow: OPTIONS, REGISTER, SUBSCRIBE, NOTIFY, PUBLISH, INVITE, ACK, BYE, CANCEL, UPDATE, PRACK, INFO, MESSAGE, REFER",
    "Supported: timer, replaces, norefersub",
    sdp === "" ? "" : "Content-Type: application/sdp",
    `Content-Length: ${sdp.length}`,
  ])}${sdp}`;
}

/** As Chromium writes it for one microphone. */
export const BROWSER_SDP = `${[
  "v=0",
  "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
  "s=-",
  "t=0 0",
  "a=group:BUNDLE 0",
  "a=extmap-allow-mixed",
  "a=msid-semantic: WMS 5f1c6f2e-5f0c-4a3c-9f53-0f4c1f0c4b9e",
  "m=audio 54609 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126",
  "c=IN IP4 127.0.0.1",
  "a=rtcp:9 IN IP4 0.0.0.0",
  "a=candidate:2999745851 1 udp 2122260223 127.0.0.1 54609 typ host generation 0 network-id 1",
  "a=ice-ufrag:abcd",
  "a=ice-pwd:abcdefghijklmnopqrstuvwx",
  "a=ice-options:trickle",
  `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => "A5").join(":")}`,
  "a=setup:actpass",
  "a=mid:0",
  "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
  "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
  "a=sendrecv",
  "a=msid:5f1c6f2e-5f0c-4a3c-9f53-0f4c1f0c4b9e 3c0b7a0e-6d0e-4f3e-9d31-2f5f6c1f5a77",
  "a=rtcp-mux",
  "a=rtcp-rsize",
  "a=rtpmap:111 opus/48000/2",
  "a=rtcp-fb:111 transport-cc",
  "a=fmtp:111 minptime=10;useinbandfec=1",
  "a=rtpmap:63 red/48000/2",
  "a=fmtp:63 111/111",
  "a=rtpmap:9 G722/8000",
  "a=rtpmap:0 PCMU/8000",
  "a=rtpmap:8 PCMA/8000",
  "a=rtpmap:13 CN/8000",
  "a=rtpmap:110 telephone-event/48000",
  "a=rtpmap:126 telephone-event/8000",
  "a=ssrc:2866310934 cname:Nm8Wk4rVd9xgHyQz",
].join("\r\n")}\r\n`;

/** As a PBX writes it; nothing listens there. */
export const PBX_SDP = `${[
  "v=0",
  "o=- 1733 1733 IN IP4 127.0.0.1",
  "s=Asterisk",
  "c=IN IP4 127.0.0.1",
  "t=0 0",
  "m=audio 9 RTP/AVP 0 101",
  "a=rtpmap:0 PCMU/8000",
  "a=rtpmap:101 telephone-event/8000",
  "a=fmtp:101 0-16",
  "a=ptime:20",
  "a=maxptime:150",
  "a=sendrecv",
].join("\r\n")}\r\n`;

function viaOf({ transport, host, callId }: Caller, branch: string): string {
  return `Via: SIP/2.0/${transport} ${host};branch=z9hG4bK${callId}${branch}${transport === "UDP" ? ";rport" : ""}`;
}

function contactOf({ user, host, transport }: Caller): string {
  return `sip:${user}@${host};transport=${transport.toLowerCase()}`;
}

function instanceOf({ callId }: Caller): string {
  return `00000000-0000-4000-8000-${callId.padStart(12, "0").slice(-12)}`;
}

/** Empty ones are left out. */
function lines(all: readonly string[]): string {
  return `${all.filter((line) => line !== "").join("\r\n")}\r\n\r\n`;
}
