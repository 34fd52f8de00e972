/**
 * Alerts: RFC 5246 §7.2, as far as a DTLS-SRTP handshake sends or meets them, and what a peer's
 * refusal means to a person. The endpoint above decides which of them may be believed.
 */

export const AlertLevel = { warning: 1, fatal: 2 } as const;

export const Alert = {
  closeNotify: 0,
  unexpectedMessage: 10,
  handshakeFailure: 40,
  badCertificate: 42,
  unsupportedCertificate: 43,
  certificateRevoked: 44,
  certificateExpired: 45,
  certificateUnknown: 46,
  illegalParameter: 47,
  unknownAuthority: 48,
  decodeError: 50,
  decryptError: 51,
  protocolVersion: 70,
} as const;

/** Why the peer refused the handshake: a sentence that names the alert for whoever looks it up. */
export function refusal(description: number): string {
  return `the other side refused the DTLS handshake: it ${meaning(description)} (alert ${description})`;
}

function meaning(description: number): string {
  switch (description) {
    case Alert.closeNotify:
      return "ended the handshake";
    case Alert.handshakeFailure:
      return "takes none of the ciphers and SRTP profiles offered";
    case Alert.badCertificate:
    case Alert.unsupportedCertificate:
    case Alert.certificateRevoked:
    case Alert.certificateExpired:
    case Alert.certificateUnknown:
    case Alert.unknownAuthority:
      return "does not accept our certificate";
    case Alert.decryptError:
      return "could not verify what we sent";
    case Alert.protocolVersion:
      return "does not speak DTLS 1.2";
    default:
      return "gave no reason a person could use";
  }
}
