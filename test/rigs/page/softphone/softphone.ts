/**
 * What a test can ask of a softphone, whichever library it is made of. Free of browser types: the
 * page, the test runner and the virtual client share it.
 */

export interface SoftphoneSettings {
  /** ws:// address of the gateway. */
  server: string;
  user: string;
  password: string;
  /** The device's UUID (RFC 5626 §4.1); a new one with each start unless given. */
  instance?: string;
  /** Seconds asked for in REGISTER. */
  expires: number;
  /** Answers every call at once. */
  answers: boolean;
}

export interface Line {
  incoming: boolean;
  state: "calling" | "ringing" | "connected" | "ended";
  /** The library's own words for how it ended, or the refusal. */
  cause: string;
  /** Keys that came in INFO requests. */
  keys: string[];
}

export interface SoftphoneState {
  registered: boolean;
  /** Successful registrations, refreshes included. */
  registrations: number;
  /** Every call since the start, in order. */
  lines: Line[];
  /** Status lines of the NOTIFYs to its REFERs, and what became of the REFERs. */
  referrals: string[];
  messages: { from: string; text: string }[];
  notifications: { event: string; body: string }[];
}

export interface Softphone {
  /** Connects and registers. */
  start(settings: SoftphoneSettings): Promise<void>;
  unregister(): Promise<void>;
  call(target: string): void;
  answer(line: number): void;
  /** Hangs up, cancels or rejects. */
  hangUp(line: number): void;
  /** Resolves when the peer agreed. */
  hold(line: number, on: boolean): Promise<void>;
  /** Blind transfer. */
  refer(line: number, target: string): void;
  /** Attended transfer: the peers of the two lines are to talk. */
  attend(line: number, other: number): void;
  digit(line: number, key: string, way: "info" | "rtp"): void;
  /** An offer by UPDATE; JsSIP alone can. */
  update(line: number): Promise<void>;
  /** Resolves with the status of the MESSAGE. */
  message(target: string, text: string): Promise<number>;
  subscribe(target: string, event: string, accept: string): void;
  state(): SoftphoneState;
}

/** Speech as it is spoken: nothing may improve it on the way. */
export const AUDIO = { echoCancellation: false, autoGainControl: false, noiseSuppression: false };

export function emptyState(): SoftphoneState {
  return {
    registered: false,
    registrations: 0,
    lines: [],
    referrals: [],
    messages: [],
    notifications: [],
  };
}
