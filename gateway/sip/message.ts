/**
 * A SIP message as a value: RFC 3261 §7. Text comes in through `parse`, goes out through `print`;
 * header values are read through the typed accessors of `headers.ts`.
 */
import type { Headers } from "./headers.ts";

export interface SipRequest {
  readonly kind: "request";
  readonly method: string;
  /** The Request-URI as it stands on the line. */
  readonly uri: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

export interface SipResponse {
  readonly kind: "response";
  /** 100 to 699. */
  readonly status: number;
  readonly reason: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

export type SipMessage = SipRequest | SipResponse;
