/** A way for a call's two descriptions to reach each other: a SIP gateway, or a bare media proxy. */

import type { Callee } from "./pbx-side.ts";

/** The softphone's end: its offer, and its answers to later ones. */
export interface Caller {
  readonly offer: string;
  readonly answer: (offer: string) => Promise<string>;
}

export interface PathCall {
  /** For the softphone. */
  readonly answer: string;
  /** Resolves when either side has hung up, and says why; never where nobody would tell. */
  readonly ended?: Promise<string>;
  /** An INFO of the softphone's inside the call. */
  inform?(type: string, text: string): Promise<void>;
  /** Takes the INFOs that come to the softphone. */
  onInfo?(taken: (body: string) => void): void;
  hangUp(): Promise<void>;
}

export interface Path {
  /**
   * Sets up call `index` from the softphone's end to the PBX's, which answers the offer that reaches
   * it. Rejects where the call is refused.
   */
  call(index: number, caller: Caller, callee: Callee): Promise<PathCall>;
  /** Resolves when the target has answered a question that costs it next to nothing. */
  ping?(): Promise<void>;
  close(): void;
}

/** All one needs to open a path in another process. */
export type PathDescription =
  | {
      readonly kind: "sip";
      /** ws:// or wss:// address of the softphones' side. */
      readonly server: string;
      readonly user: string;
      readonly password: string;
      /** Where the PBX is called, on this machine. */
      readonly pbxPort: number;
      readonly pbxTransport: "udp" | "tls";
      /** The PBX's audio is DTLS-SRTP, by keys it has with the softphone. */
      readonly isSealed?: boolean;
      /** Of this machine as the target reaches it; softphones and PBX speak from there. */
      readonly address: string;
      /** The certificate of a wss:// server is not looked at. */
      readonly insecure?: boolean;
      /** A call's number is this and five digits. */
      readonly prefix: string;
    }
  | {
      readonly kind: "rtpengine";
      /** Port of its ng protocol. */
      readonly controlPort: number;
      /** The PBX's codec, where it is not the softphone's. */
      readonly transcode: string | undefined;
    };
