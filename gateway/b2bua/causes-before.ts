/** Causes before the callee is heard: who may call, whom the number belongs to, who is there. */
import {
  type Cause,
  lostBackslash,
  noted,
  noteOf,
  own,
  realm,
  said,
  unanswered,
  words,
} from "./cause.ts";
import { isUnheard, placeOf } from "./sight.ts";

/** Nobody known, or nobody who may. */
export const ADMISSION: readonly Cause[] = [
  {
    cause: "stranger",
    when: own(/on no connection's allow list/),
    says: ({ caller }) =>
      `${caller?.party.remote.address} may not call here: no connection lists it.`,
    advice: "If this is your PBX, add its address to the allow list of its connection.",
    field: "allow",
    at: ({ caller, connections }) =>
      connections.find(({ host }) => host === caller?.party.remote.address),
  },
  {
    cause: "ambiguous-source",
    when: own(/on several allow lists/),
    says: ({ reason }) => `It can't be told whose call this is: ${reason}.`,
    advice: "Let each address stand on one connection's allow list, or give one a longer prefix.",
    field: "allow",
  },
  {
    cause: "softphone-password",
    when: (it) => it.callee === undefined && own(/wrong user name or password/)(it),
    says: ({ call }) =>
      `The softphone that calls itself ${call.caller} sent a wrong name or password.`,
    advice: "Set the user's password anew, and the same in the softphone.",
  },
  {
    cause: "foreign-from",
    when: own(/From address belongs to another user/),
    says: ({ call }) =>
      `The softphone called as ${call.caller}, which is not the user it logged in as.`,
    advice: "Give the softphone one name for both: user name and address must be the same.",
  },
  {
    cause: "inbound-off",
    when: own(/takes no incoming calls/),
    says: ({ reason }) => `${reason}.`,
    advice: "Switch incoming calls on for this connection.",
    field: "allowInbound",
  },
  {
    cause: "nobody-for-inbound",
    when: own(/nobody answers this connection/),
    says: ({ call }) => `Nobody is told to take calls for ${call.callee} from this connection.`,
    advice: "Choose the user whose softphones ring, or give this number to somebody.",
    field: "inboundUser",
  },
  {
    cause: "foreign-domain",
    when: own(/none of the gateway's domains/),
    says: ({ reason }) => `The PBX's call was not for this gateway: ${reason}.`,
    advice: "Add the host to the domains (network settings), or let the PBX call one of them.",
  },
  {
    cause: "nobody-online",
    when: own(/has no softphone online|has a softphone online/),
    says: ({ reason }) => `Nothing could ring: ${reason}.`,
    advice: "Open the softphone, or forward the user's calls when nobody answers.",
  },
  {
    cause: "draining",
    when: own(/gateway is shutting down/),
    says: () => "The gateway was being stopped and takes no new calls then.",
    advice: "Call again once it has started anew.",
  },
  {
    cause: "busy-gateway",
    when: own(/busy with the calls it has|as many calls as it can/),
    says: ({ reason }) => `${reason}.`,
    advice: "Give it more processor time or more workers (--workers), or limit its connections.",
  },
];

/** Nobody the number belongs to. */
export const ROUTING: readonly Cause[] = [
  {
    cause: "pattern-lost-backslash",
    when: (it) => own(/no connection has a pattern/)(it) && lostBackslash(it) !== undefined,
    says: (it) =>
      `No pattern matches ${it.call.callee}; ${lostBackslash(it)?.[1]} looks as if it had lost a backslash.`,
    advice: "Write \\d for a digit: ^2\\d{2}$ matches 200 to 299.",
    field: "patterns",
    at: (it) => lostBackslash(it)?.[0],
  },
  {
    cause: "no-pattern",
    when: own(/no connection has a pattern/),
    says: ({ call }) => `No connection has a dial pattern that matches ${call.callee}.`,
    advice: "Add a pattern to the connection that should take it; Dial plan shows who would.",
    field: "patterns",
  },
  {
    cause: "not-permitted",
    when: own(/is not for this user/),
    says: ({ call, reason }) => `${call.caller} may not dial ${call.callee}: ${reason}.`,
    advice: "Add the user to those who may call out over the connection.",
    field: "users",
  },
  {
    cause: "outbound-off",
    when: own(/not used for outgoing calls/),
    says: ({ reason }) => `${reason}.`,
    advice: "Switch outgoing calls on for this connection.",
    field: "allowOutbound",
  },
  {
    cause: "not-registered",
    when: own(/is not registered:/),
    says: ({ reason }) => `The call was not sent: ${reason}.`,
    advice: "Test the connection: its registration must work before it takes calls.",
    field: "username",
  },
  {
    cause: "pbx-down",
    when: own(/ is down: /),
    says: ({ reason }) => `The call was not sent: ${reason}.`,
    advice: "Test the connection; a second one in the same group would have taken the call.",
    field: "host",
  },
  {
    cause: "full",
    when: own(/ is full: /),
    says: ({ reason }) => `${reason}: the limit of this connection.`,
    advice:
      "Raise the limit if the PBX or carrier allows more, or add a connection that stands in.",
    field: "maxCalls",
  },
  {
    cause: "unreadable-number",
    when: own(
      /names no number|longer than \d+ characters|forbidden character|names nobody to call/,
    ),
    says: ({ call, reason }) => `“${call.callee}” can't be dialled: ${reason}.`,
    advice: "Dial digits, * and #, with + in front where it is international.",
  },
  {
    cause: "forward-circle",
    when: own(/forwarded in a circle|too many hops|transferred too often/),
    says: ({ reason }) => `The call ran in a circle: ${reason}.`,
    advice: "Look at the forwards of the users, and at what the PBX sends back to the gateway.",
  },
  {
    cause: "redirect-not-followed",
    when: own(/redirects are not followed/),
    says: ({ who }) => `${who} redirects the call elsewhere, and its redirects are not followed.`,
    advice: "Allow redirects to the PBX's own host.",
    field: "followRedirects",
  },
  {
    cause: "foreign-redirect",
    when: own(/redirected to a foreign host/),
    says: ({ who }) =>
      `${who} redirects the call to another host; calls are never sent on to strangers.`,
    advice: "Add a connection for that host, with a pattern for the number.",
  },
  {
    cause: "switched-off",
    when: own(/connection was switched off/),
    says: () => "The connection was switched off while the call was set up.",
    advice: "Switch it on again.",
    field: "enabled",
  },
];

/** Who is not believed. */
export const CREDENTIALS: readonly Cause[] = [
  {
    cause: "no-credentials",
    when: noted(/wants credentials this connection doesn't have|none is set/),
    says: (it) => `${it.who} asks for a password${realm(it)}, and the connection has none.`,
    advice: "Enter the user name and password of the PBX or carrier.",
    field: "password",
  },
  {
    cause: "realm-mismatch",
    when: noted(/realm mismatch/),
    says: (it) =>
      `${it.who} asks for the password of another realm: ${noteOf(it, /realm mismatch/)}`,
    advice: "Set the realm to what the PBX says, or to * for any.",
    field: "realm",
  },
  {
    cause: "wrong-password",
    when: noted(/wrong user name or password|keeps asking for the password/),
    says: (it) =>
      `${it.who} does not accept the password of ${it.connection?.authId ?? it.connection?.username ?? "this account"}${realm(it)}.`,
    advice:
      "Enter the password anew; check the authentication ID, which some carriers have besides the user name.",
    field: "password",
  },
  {
    cause: "digest-unknown",
    when: noted(/no algorithm known here|quality of protection not known/),
    says: (it) => `${it.who} wants a kind of authentication the gateway does not know.`,
    advice: "Let the PBX offer Digest with MD5 or SHA-256 and qop=auth.",
  },
  {
    cause: "foreign-challenge",
    when: noted(/challenge came from a foreign address/),
    says: ({ who }) => `Somebody else than ${who} asked for its password; nothing was sent.`,
    advice:
      "Check where the host leads; a proxy between answers from its own address: enter it as outbound proxy.",
    field: "outboundProxy.host",
  },
  {
    cause: "forbidden-with-password",
    when: (it) => said(403)(it) && it.callee?.hadPassword === true,
    says: (it) => `${it.who} knows the account and forbids this call${words(it)}.`,
    advice:
      "Ask the carrier: the number may be barred, the credit used up, or the caller's number not yours.",
    field: "fromUser",
  },
  {
    cause: "forbidden",
    when: said(403),
    says: (it) => `${it.who} forbids the call${words(it)} and did not ask for a password.`,
    advice:
      "The PBX may not know this gateway's address: list it there, or enter user name and password here.",
    field: "username",
  },
];

/** Nobody who could be reached (TST-05). */
export const REACHING: readonly Cause[] = [
  {
    cause: "dns-no-name",
    when: noted(/does not resolve to an address/),
    says: (it) => noteOf(it, /does not resolve/),
    advice: "Check the host for typing mistakes: it is a name that DNS knows, or an IP address.",
    field: "host",
  },
  {
    cause: "dns-silent",
    when: noted(/name service does not answer|none of the servers of/),
    says: (it) => noteOf(it, /name service|none of the servers/),
    advice: "Check the DNS server of this machine, and the SRV records of the host.",
    field: "host",
  },
  {
    cause: "certificate-expired",
    when: noted(/certificate of .* expired on|is not valid yet/),
    says: (it) => noteOf(it, /expired on|is not valid yet/),
    advice: "The PBX needs a new certificate; until then it can be pinned.",
    field: "tls.verify",
  },
  {
    cause: "certificate-name",
    when: noted(/certificate of .* is for somebody else/),
    says: (it) => noteOf(it, /is for somebody else/),
    advice: "Use the name that stands in the certificate as the host, or pin the certificate.",
    field: "host",
  },
  {
    cause: "certificate-untrusted",
    when: noted(
      /signed by itself|signed by a CA that is not known|can't be trusted|than the pinned/,
    ),
    says: (it) => noteOf(it, /signed by|can't be trusted|the pinned/),
    advice: "Pin the certificate shown, or name the file of the CA that signed it.",
    field: "tls.verify",
  },
  {
    cause: "tls-file",
    when: noted(/the TLS file .* can't be read/),
    says: (it) => noteOf(it, /the TLS file/),
    advice: "Check the path, and that the gateway may read the file.",
    field: "tls.certificateFile",
  },
  {
    cause: "tls-refused",
    when: noted(/takes no TLS connection/),
    says: (it) => noteOf(it, /takes no TLS connection/),
    advice:
      "Check that the PBX speaks TLS on this port (5061 as a rule), and the firewall between.",
    field: "transport",
  },
  {
    cause: "tcp-refused",
    when: noted(/takes no TCP connection/),
    says: (it) => noteOf(it, /takes no TCP connection/),
    advice: "Check that the PBX speaks SIP over TCP on this port; many speak UDP alone.",
    field: "transport",
  },
  {
    cause: "no-answer-at-all",
    when: unanswered(isUnheard(0)),
    says: ({ who, callee }) =>
      `${who} (${placeOf(callee?.party.remote)}) answered nothing: the INVITE was sent ${(callee?.repeats ?? 0) + 1} times over ${callee?.party.transport.toUpperCase()}.`,
    advice:
      "Check that it is online, that address, port and transport are right, and the firewall on both sides.",
    field: "host",
  },
  {
    cause: "trying-then-silence",
    when: unanswered(isUnheard(100)),
    says: ({ who }) => `${who} took the call (100 Trying) and then said nothing more.`,
    advice: "Look into the PBX: it waits for something behind it, a carrier perhaps.",
  },
  {
    cause: "softphone-unreachable",
    when: unanswered(({ callee, status }) => callee?.party.kind === "softphone" && status === 408),
    says: ({ who }) => `The softphone of ${who} is registered, and answered nothing.`,
    advice: "Its network may be gone without a word: it shows up again when it registers anew.",
  },
];
