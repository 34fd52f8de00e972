/** Every bound of the gateway in one place: number, unit, reason. */

/** RFC 3261 §18.1.1 leaves the size to us; E2 says 64 KiB for a whole message. */
export const SIP_MESSAGE_BYTES_MAX = 65_536;
/** Start line and headers together. */
export const SIP_HEAD_BYTES_MAX = 32_768;
/** Header lines in one message. */
export const SIP_HEADERS_MAX = 200;
/** Bindings of one address of record; E2 point 6. */
export const BINDINGS_PER_USER_MAX = 10;
/** Seconds a softphone's registration may last, REG-08 and S8. */
export const BINDING_EXPIRES_MIN = 60;
export const BINDING_EXPIRES_MAX = 3_600;
/** Body of an SDP, P4. */
export const SDP_BYTES_MAX = 65_536;
export const SDP_MEDIA_MAX = 16;
export const SDP_ATTRIBUTES_PER_MEDIA_MAX = 512;
export const SDP_CANDIDATES_MAX = 64;
/** The dialled number, W7. */
export const DIALLED_NUMBER_LENGTH_MAX = 128;
/** A DTLS handshake message being reassembled, P8. */
export const DTLS_HANDSHAKE_BYTES_MAX = 65_536;
