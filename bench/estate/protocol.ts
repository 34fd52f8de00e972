/** Between the bench and the two programs an estate has beside the gateway: PBXs and softphones. */

export interface RegistrarPlan {
  readonly hosts: readonly string[];
  readonly port: number;
  /** Of every account. */
  readonly password: string;
  /** What they grant. */
  readonly expiresSeconds: number;
}

/** A REGISTER that came, with credentials or without. */
export interface Registration {
  /** Milliseconds since the epoch: processes share no other clock. */
  readonly at: number;
  readonly host: number;
}

export type ToRegistrar =
  | { type: "open"; plan: RegistrarPlan }
  | { type: "forget" }
  | { type: "tell" };

export interface RegistrarsSeen {
  /** That were granted a registration since `forget`. */
  readonly accounts: number;
  /** When half of them had theirs, and the last one; ms since the epoch. */
  readonly halfAt: number;
  readonly lastAt: number;
  readonly refused: number;
  readonly registrations: readonly Registration[];
}

export type FromRegistrar =
  | { type: "ready" }
  | { type: "open" }
  | { type: "forgotten" }
  | ({ type: "seen" } & RegistrarsSeen);

export interface SwarmPlan {
  readonly server: string;
  readonly insecure: boolean;
  readonly softphones: number;
  /** Softphone n has the account `USER` and n / perUser; with perUser 0 all have `USER`. */
  readonly user: string;
  readonly perUser: number;
  readonly password: string;
  /** Each has a WebSocket; so many come from one address of 127.41.0.0/16; 0: all from the system's. */
  readonly perAddress: number;
  /** Begun in a second. */
  readonly ramp: number;
  /** Between a softphone's registrations. */
  readonly everySeconds: number;
  /** After its connection was closed it waits up to so long. */
  readonly returnWithinSeconds: number;
  /** It closes its connection itself after about so many registrations; 0: never. */
  readonly reconnectEvery: number;
}

export type ToSwarm = { type: "open"; plan: SwarmPlan } | { type: "forget" } | { type: "tell" };

export interface SwarmSeen {
  /** Softphones whose last REGISTER was accepted, over a connection that stands. */
  readonly registered: number;
  /** REGISTERs answered with 200 since `forget`, each with its challenge. */
  readonly done: number;
  /** Of each: from the first request to the 200, ms. */
  readonly tookMs: readonly number[];
  /** Connections opened anew after the first of each softphone. */
  readonly reconnects: number;
  /** When the newest of those that came back did, ms since the epoch. */
  readonly lastAt: number;
  readonly failures: readonly string[];
  /** CPU seconds of the swarm itself since `forget`. */
  readonly cpuSeconds: number;
}

export type FromSwarm = { type: "ready" } | { type: "forgotten" } | ({ type: "seen" } & SwarmSeen);
