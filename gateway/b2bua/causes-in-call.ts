/** Causes in a call: audio that does not flow (TST-06), how it sounds (TST-07), how it ends. */
import { answered, type Cause, isNatted, noted, noteOf, own, sentence, worst } from "./cause.ts";
import { droppedOf, isDeaf, isMute, placeOf } from "./sight.ts";

/** Audio that does not flow (TST-06), and calls that broke off. */
export const MEDIA: readonly Cause[] = [
  {
    cause: "fingerprint",
    when: noted(/failed \(fingerprint\)/),
    says: () =>
      "The certificate of the audio's encryption is not the one that was promised: somebody is in between, or a proxy changed the SDP.",
    advice: "Let no proxy touch the softphone's SDP.",
  },
  {
    cause: "dtls-failed",
    when: noted(/failed \(dtls\)/),
    says: (it) =>
      `Encryption of the audio could not be agreed on: ${noteOf(it, /failed \(dtls\)/)}`,
    advice: "Update the softphone, or set the PBX's encryption to SDES.",
    field: "mediaEncryption",
  },
  {
    cause: "ice-never",
    when: answered(({ phone }) => phone?.party.media?.ice?.checks === 0),
    says: ({ phone }) =>
      `The browser of ${phone?.party.name} never reached the gateway's media port: no check came to ${placeOf(phone?.party.local)}'s address.`,
    advice:
      "Open the WebRTC port (8081/udp) in the firewall, and set --external-ip if the gateway is behind a NAT.",
  },
  {
    cause: "dtls-never",
    when: answered(
      ({ phone }) =>
        (phone?.party.media?.ice?.checks ?? 0) > 0 &&
        phone?.party.media?.isSealed !== true &&
        phone?.party.media?.dtls !== "keyed",
    ),
    says: ({ phone }) =>
      `The browser of ${phone?.party.name} reached the gateway, and never finished the handshake for keys.`,
    advice: "Something between drops large UDP packets: look at the MTU of a VPN.",
  },
  {
    cause: "consent-lost",
    when: noted(/failed \(ice-consent\)|connectivity checks stopped/),
    says: ({ phone }) =>
      `The browser of ${phone?.party.name ?? "the softphone"} was gone from the network for half a minute.`,
    advice: "Its network changed or slept; the gateway hung up because nobody was there.",
  },
  {
    cause: "unexpected-source",
    when: answered(({ pbx }) => isMute(pbx) && droppedOf(pbx, "source") > 0),
    says: ({ pbx }) =>
      `Audio of the PBX came from ${placeOf(pbx?.party.media?.stranger)} instead of ${placeOf(pbx?.party.media?.signalled)}, which its SDP names: it was not let in.`,
    advice:
      "Set the external address in the PBX, so that its SDP names where its audio comes from.",
  },
  {
    cause: "private-address",
    when: answered(({ pbx }) => isMute(pbx) && isNatted(pbx)),
    says: ({ pbx }) =>
      `No audio came from the PBX, whose SDP names the private address ${pbx?.theirs?.address} although it was reached at ${pbx?.party.remote.address}.`,
    advice:
      "Set the PBX's external address and local networks (NAT settings), and forward its RTP ports.",
  },
  {
    cause: "no-packets-pbx",
    when: answered(({ pbx }) => isMute(pbx)),
    says: ({ pbx }) =>
      `Not one packet of audio came from ${pbx?.party.name} (${placeOf(pbx?.party.media?.signalled)}).`,
    advice:
      "Open the gateway's RTP ports (10000-20000/udp) in the firewall, and check its external address.",
  },
  {
    cause: "no-packets-softphone",
    when: answered(({ phone }) => isMute(phone)),
    says: ({ phone }) => `Not one packet of audio came from the softphone of ${phone?.party.name}.`,
    advice: "Let the browser use the microphone, and check that it is not muted.",
  },
  {
    cause: "wrong-keys",
    when: ({ legs }) => legs.some((leg) => droppedOf(leg, "authentication") > 50),
    says: () => "Packets of audio came with other keys than agreed on, and were not used.",
    advice:
      "Something between changes the SDP, or the PBX kept old keys after a hold: try DTLS or no encryption.",
    field: "mediaEncryption",
  },
  {
    cause: "wrong-codec",
    when: ({ legs }) => legs.some((leg) => droppedOf(leg, "payload-type") > 50),
    says: ({ legs }) =>
      `${legs.find((leg) => droppedOf(leg, "payload-type") > 50)?.party.name} sends audio in a codec that was not agreed on.`,
    advice: "Leave only one codec in the connection, so that nothing else can be chosen.",
    field: "codecs",
  },
  {
    cause: "silence",
    when: own(/no audio from the/),
    says: ({ reason }) => `The gateway hung up: ${reason}.`,
    advice:
      "If the call was on hold, let the PBX send music or comfort noise; else look at the firewall for RTP.",
  },
  {
    cause: "no-port",
    when: own(/no media: no-port/),
    says: () => "No RTP port was free.",
    advice: "Widen --rtp-ports, and open as many in the firewall.",
  },
  {
    cause: "worker-lost",
    when: own(/media worker stopped|no media:/),
    says: ({ reason }) => `The gateway's media failed: ${reason}.`,
    advice: "Its log says more; please report it.",
  },
  {
    cause: "never-acknowledged",
    when: own(/never acknowledged/),
    says: ({ caller }) =>
      `Our answer was repeated ${caller?.answersRepeated ?? 0} times, and no ACK for it came from ${caller?.party.name}.`,
    advice:
      "Its messages inside a call go elsewhere: check our address as the caller sees it (--external-ip), and the firewall.",
  },
  {
    cause: "ack-lost",
    when: ({ callee }) => (callee?.party.kind === "pbx" ? callee.answersRepeated : 0) > 2,
    says: ({ who, callee }) =>
      `${who} repeated its answer ${callee?.answersRepeated} times: our ACK does not reach it.`,
    advice:
      "Its Contact or Record-Route names an address we can't reach: set the PBX's external address.",
  },
  {
    cause: "session-timer",
    when: own(/session timer ran out|knows no such call|answers no more/),
    says: ({ reason }) => `The call was lost: ${reason}.`,
    advice:
      "The other side, or something between, forgot it: it was restarted, or the NAT between was.",
  },
  {
    cause: "socket-lost",
    when: own(/connection was lost|did not come back|nobody waits any more/),
    says: ({ reason }) => `${sentence(reason)}`,
    advice: "The softphone's network broke off; it has a minute to come back before a call ends.",
  },
  {
    cause: "by-administrator",
    weight: "fine",
    when: own(/ended by the administrator/),
    says: () => "It was hung up in the admin.",
    advice: "Nothing needs to be done.",
  },
  {
    cause: "transferred",
    weight: "fine",
    when: own(/^transferred$|^replaced$/),
    says: () => "The call was transferred.",
    advice: "Nothing needs to be done.",
  },
];

/** How it sounded (TST-07), for calls that went well besides. */
export const QUALITY: readonly Cause[] = [
  {
    cause: "lossy",
    weight: "note",
    when: (call) => worst(call, (it) => it.loss) >= 0.03,
    says: (call) =>
      `Up to ${Math.round(worst(call, (it) => it.loss) * 100)} % of the audio was lost on the way.`,
    advice: "The network is overloaded or the Wi-Fi is weak, on the side the table below shows.",
  },
  {
    cause: "jittery",
    weight: "note",
    when: (call) => worst(call, (it) => it.jitterMs) >= 50,
    says: (call) => `Audio came up to ${Math.round(worst(call, (it) => it.jitterMs))} ms unevenly.`,
    advice: "Give voice priority in the network (DSCP EF), or use a cable instead of Wi-Fi.",
  },
  {
    cause: "one-way",
    weight: "fault",
    when: answered(({ legs }) => legs.some(isDeaf)),
    says: ({ legs }) => `Nothing was sent to ${legs.find(isDeaf)?.party.name}: it heard nothing.`,
    advice: "Look at the other side of the call: its audio did not arrive here.",
  },
  {
    cause: "no-reports",
    weight: "note",
    when: ({ pbx, talkedMs }) =>
      talkedMs > 15_000 &&
      pbx?.party.media?.hasReports === false &&
      pbx.party.media.packetsSent > 500,
    says: ({ pbx }) => `${pbx?.party.name} never reported on what it hears (RTCP).`,
    advice: "Many PBXs don't. If its side heard nothing, open RTP towards it in the firewall.",
  },
  {
    cause: "natted-but-well",
    weight: "note",
    when: ({ pbx }) => pbx !== undefined && !isMute(pbx) && isNatted(pbx),
    says: ({ pbx }) =>
      `The PBX's SDP names the private address ${pbx?.theirs?.address}; its audio was found all the same.`,
    advice: "Set the PBX's external address: then nothing needs to be guessed.",
  },
];

/** What is left. */
export const ENDINGS: readonly Cause[] = [
  {
    cause: "hung-up",
    weight: "fine",
    when: ({ isAnswered, record }) =>
      isAnswered && record !== undefined && record.endedBy !== "gateway",
    says: ({ call, record }) =>
      `${record?.endedBy === "caller" ? call.caller : call.callee} hung up${record?.reason === "hung up" ? "" : `: ${record?.reason}`}.`,
    advice: "Nothing needs to be done.",
  },
  {
    cause: "other",
    weight: "note",
    when: ({ record }) => record !== undefined,
    says: ({ reason, status }) => `The call ended with ${status}: ${reason}.`,
    advice: "The messages below show what happened.",
  },
];
