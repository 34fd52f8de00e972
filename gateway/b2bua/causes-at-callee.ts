/** Causes the callee names: what audio it speaks, and why it does not take the call. */
import {
  type Cause,
  isSecure,
  list,
  missing,
  own,
  quoted,
  said,
  sentNumber,
  unanswered,
  words,
} from "./cause.ts";

/** No audio in common (MED-13). */
export const NEGOTIATION: readonly Cause[] = [
  {
    cause: "codec-refused",
    when: (it) => said(488, 415, 606)(it) && missing(it).length > 0,
    says: (it) =>
      `${it.who} answered ${it.answer} because you offered ${list(it.callee?.ours?.codecs)}; it accepts only ${list(it.callee?.instead?.codecs)}.`,
    advice: (it) => `Add ${list(missing(it))} to the codecs of the connection.`,
    field: "codecs",
  },
  {
    cause: "srtp-wanted",
    when: (it) =>
      said(488, 415, 606)(it) &&
      !isSecure(it) &&
      /srtp|savp|crypto|encrypt|secure/i.test(words(it)),
    says: (it) => `${it.who} wants encrypted audio${words(it)}, and was offered plain RTP.`,
    advice: "Set the encryption of audio to SDES (or DTLS, if the PBX says so).",
    field: "mediaEncryption",
  },
  {
    cause: "srtp-refused",
    when: (it) => said(488, 415, 606)(it) && isSecure(it),
    says: (it) =>
      `${it.who} answered ${it.answer}${words(it)} to encrypted audio (${it.callee?.ours?.protocol}; ${list(it.callee?.ours?.codecs)}).`,
    advice:
      "If the PBX speaks no SRTP, set the encryption of audio to none, or allow it to be optional.",
    field: "mediaEncryption",
  },
  {
    cause: "not-acceptable",
    when: said(488, 415, 606),
    says: (it) =>
      `${it.who} answered ${it.answer}${words(it)}: of ${list(it.callee?.ours?.codecs)} over ${it.callee?.ours?.protocol ?? "RTP"} it takes nothing.`,
    advice: "Look up which codecs the PBX allows for this account, and add one of them.",
    field: "codecs",
  },
  {
    cause: "no-common-codec",
    when: own(/no common codec/),
    says: ({ reason }) =>
      `The two sides have no codec in common: ${reason.replace(/^no common codec: /, "")}.`,
    advice: ({ connection }) =>
      connection?.transcoding === false
        ? "This connection transcodes nothing: switch transcoding on, or allow a common codec on both sides."
        : "Add one of the codecs the other side offers.",
    field: "codecs",
  },
  {
    cause: "audio-in-clear",
    when: own(/is offered; this connection speaks/),
    says: ({ who, reason }) => `${who} and the gateway protect audio differently: ${reason}.`,
    advice: "Set the encryption of audio to what the PBX speaks, or allow it to be optional.",
    field: "mediaEncryption",
  },
  {
    cause: "no-crypto",
    when: own(/no usable a=crypto/),
    says: ({ reason }) => `The SRTP keys can't be used: ${reason}.`,
    advice: "Let the PBX offer AES_CM_128_HMAC_SHA1_80.",
    field: "mediaEncryption",
  },
  {
    cause: "softphone-offer",
    when: own(/a softphone must offer|ICE is required|rtcp-mux is missing|certificate fingerprint/),
    says: ({ reason }) => `The softphone is no WebRTC softphone as it stands: ${reason}.`,
    advice: "Use a WebRTC client (JsSIP, SIP.js); a desk phone belongs behind the PBX.",
  },
  {
    cause: "no-audio-stream",
    when: own(/has no audio stream|carries no session description|no answer to our offer/),
    says: ({ reason }) => `There is no audio to connect: ${reason}.`,
    advice: "The other side sent a description without audio: a fax or video call perhaps.",
  },
  {
    cause: "sdp-unreadable",
    when: own(/session description|o= line|c= line|m= line|no address of a host/),
    says: ({ reason }) => `The description of the audio can't be read: ${reason}.`,
    advice: "Show the message to whoever makes the program that sent it.",
  },
  {
    cause: "extension-wanted",
    when: said(420, 421),
    says: (it) =>
      `${it.who} wants an extension of SIP that is not agreed on${words(it)}${quoted(it.callee?.unsupported ?? "")}.`,
    advice: "Set the connection's behaviour to plain.",
    field: "interop",
  },
  {
    cause: "too-large",
    when: said(413, 513),
    says: ({ who }) => `${who} finds the message too large.`,
    advice: "Offer fewer codecs, or use TCP.",
    field: "codecs",
  },
];

/** The callee's own word. */
export const REFUSALS: readonly Cause[] = [
  {
    cause: "elsewhere",
    weight: "fine",
    when: own(/completed elsewhere/i),
    says: () => "The call was answered on another device.",
    advice: "Nothing needs to be done.",
  },
  {
    cause: "cancelled",
    weight: "fine",
    when: unanswered(({ status, record }) => status === 487 && record?.endedBy === "caller"),
    says: ({ call, callee }) =>
      `${call.caller} hung up before anybody answered${callee && callee.progress >= 180 ? "; it was ringing" : ""}.`,
    advice: "Nothing needs to be done.",
  },
  {
    cause: "busy",
    weight: "fine",
    when: unanswered((it) => said(486, 600)(it) || it.q850 === 17),
    says: (it) => `${it.call.callee} is busy${words(it)}.`,
    advice: "Call again later, or forward the user's calls when busy.",
  },
  {
    cause: "declined",
    weight: "fine",
    when: unanswered(said(603)),
    says: (it) => `${it.call.callee} declined the call${words(it)}.`,
    advice: "Nothing needs to be done.",
  },
  {
    cause: "nobody-answered",
    weight: "fine",
    when: own(/nobody answered in time/),
    says: ({ call }) => `It rang, and nobody answered ${call.callee}.`,
    advice: "Forward the user's calls when nobody answers, if somebody else should take them.",
  },
  {
    cause: "no-circuit",
    when: unanswered(({ q850, answer }) => [34, 42, 47].includes(q850) && answer >= 400),
    says: (it) => `${it.who} has no free line${words(it)}.`,
    advice:
      "The carrier's channels are all in use: set the connection's limit to their number, and add one that stands in.",
    field: "maxCalls",
  },
  {
    cause: "unknown-number",
    when: unanswered(said(404, 604)),
    says: (it) => `${it.who} knows no number ${sentNumber(it)}${words(it)}.`,
    advice: "Check the number, and what the pattern strips and prepends before it is sent.",
    field: "patterns",
  },
  {
    cause: "incomplete-number",
    when: unanswered(said(484)),
    says: (it) => `${it.who} finds the number ${sentNumber(it)} incomplete${words(it)}.`,
    advice: "Check what the pattern strips and prepends: an area code may be missing.",
    field: "patterns",
  },
  {
    cause: "gone",
    when: unanswered(said(410)),
    says: (it) => `The number ${sentNumber(it)} is no longer in use${words(it)}.`,
    advice: "Look for the new number.",
  },
  {
    cause: "away",
    when: unanswered(said(480)),
    says: (it) => `${it.call.callee} can't be reached at ${it.who} now${words(it)}.`,
    advice: "The extension there may not be registered.",
  },
  {
    cause: "loop-at-pbx",
    when: unanswered(said(482, 483)),
    says: (it) => `${it.who} found the call to run in a circle${words(it)}.`,
    advice: "The PBX probably sends this number back to the gateway: look at its routes.",
  },
  {
    cause: "maintenance",
    when: unanswered(said(503), ({ callee }) => callee?.retryAfter !== undefined),
    says: (it) => `${it.who} takes no calls for ${it.callee?.retryAfter} s${words(it)}.`,
    advice:
      "It is overloaded or being maintained; a connection that stands in would take the call.",
    field: "failoverGroup.name",
  },
  {
    cause: "pbx-error",
    when: unanswered(said(500, 501, 502, 503, 504)),
    says: (it) => `${it.who} could not do it: ${it.answer}${words(it)}.`,
    advice:
      "The fault is behind the PBX: its log says more. A connection that stands in would take the call.",
    field: "failoverGroup.name",
  },
  {
    cause: "pbx-timeout",
    when: unanswered(said(408)),
    says: (it) => `${it.who} waited in vain for whatever is behind it${words(it)}.`,
    advice: "The extension or carrier behind the PBX does not answer.",
  },
  {
    cause: "refused-otherwise",
    when: unanswered(({ answer }) => answer >= 300),
    says: (it) => `${it.who} refused with ${it.answer}${words(it)}.`,
    advice: "The messages below show what was asked and what it said.",
  },
];
