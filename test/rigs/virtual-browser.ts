/**
 * As much of a browser as JsSIP and SIP.js see: timers and the date in virtual time, chance from a
 * seed, a WebSocket that leads where the test says, and an RTCPeerConnection that speaks and moves
 * no audio. With it the unmodified libraries live through an hour in a second. It is installed in
 * place of the globals and taken away again.
 */

/** The gateway's end of a virtual WebSocket. */
export interface Connection {
  /** A message of the softphone's. */
  receive(text: string): void;
  /** The softphone closed it. */
  closed(): void;
}

/** The browser's end, as the network sees it. */
export interface VirtualSocket {
  opened(): void;
  deliver(text: string): void;
  /** It broke, or could not be opened: code 1006. */
  failed(): void;
}

export interface VirtualBrowserOptions {
  now: () => number;
  later: (afterMs: number, act: () => void) => void;
  /** In place of `Math.random`: a run repeats itself. */
  random: () => number;
  /** A library connects. */
  connect: (socket: VirtualSocket) => Connection;
}

const EPOCH_MS = 1_700_000_000_000;
const NAMES = [
  "setTimeout",
  "clearTimeout",
  "setInterval",
  "clearInterval",
  "Date",
  "WebSocket",
  "RTCPeerConnection",
  "RTCSessionDescription",
  "MediaStream",
  "MediaStreamTrackEvent",
  "window",
] as const;

/** Puts it in place; returns what takes it away again. */
export function installVirtualBrowser(options: VirtualBrowserOptions): () => void {
  const everything = globalThis as unknown as Record<string, unknown>;
  const before = NAMES.map((name) => [name, everything[name]] as const);
  const devices = Object.getOwnPropertyDescriptor(navigator, "mediaDevices");
  Object.assign(everything, timersOf(options), {
    Date: dateOf(options),
    WebSocket: webSocketOf(options),
    RTCPeerConnection: VirtualPeerConnection,
    RTCSessionDescription: VirtualDescription,
    MediaStream: VirtualStream,
    MediaStreamTrackEvent: VirtualTrackEvent,
    window: globalThis,
  });
  const getUserMedia = async () => new VirtualStream([new VirtualTrack()]);
  Object.defineProperty(navigator, "mediaDevices", { value: { getUserMedia }, configurable: true });
  const { random } = Math;
  Math.random = options.random;
  return () => {
    Math.random = random;
    for (const [name, value] of before) everything[name] = value;
    if (devices) Object.defineProperty(navigator, "mediaDevices", devices);
    else Reflect.deleteProperty(navigator, "mediaDevices");
  };
}

// Time -------------------------------------------------------------------------------------------

type Act = (...args: unknown[]) => void;

function timersOf({ later }: VirtualBrowserOptions) {
  const live = new Set<number>();
  let count = 0;
  const arm = (act: Act, ms: number, args: unknown[], repeats: boolean): number => {
    count += 1;
    const id = count;
    live.add(id);
    const wait = Math.max(1, ms);
    const fire = () => {
      if (!live.has(id)) return;
      if (repeats) later(wait, fire);
      else live.delete(id);
      act(...args);
    };
    later(wait, fire);
    return id;
  };
  const clear = (id: number | undefined) => void (id !== undefined && live.delete(id));
  return {
    setTimeout: (act: Act, ms = 0, ...args: unknown[]) => arm(act, ms, args, false),
    setInterval: (act: Act, ms = 0, ...args: unknown[]) => arm(act, ms, args, true),
    clearTimeout: clear,
    clearInterval: clear,
  };
}

function dateOf({ now }: VirtualBrowserOptions): typeof Date {
  return class extends Date {
    constructor(value?: string | number | Date) {
      super(value ?? EPOCH_MS + now());
    }

    static override now(): number {
      return EPOCH_MS + now();
    }
  } as typeof Date;
}

// The WebSocket ----------------------------------------------------------------------------------

type Handler = ((event: Event) => void) | null;

/** An event target with the `on…` properties of browsers. */
class Target extends EventTarget {
  protected emit(type: string, properties: object = {}): void {
    const event = Object.assign(new Event(type), properties);
    const handler = (this as unknown as Record<string, Handler>)[`on${type}`];
    handler?.call(this, event);
    this.dispatchEvent(event);
  }
}

function webSocketOf({ connect, later }: VirtualBrowserOptions) {
  return class VirtualWebSocket extends Target {
    static readonly CONNECTING = 0;
    static readonly OPEN = 1;
    static readonly CLOSING = 2;
    static readonly CLOSED = 3;
    readonly CONNECTING = 0;
    readonly OPEN = 1;
    readonly CLOSING = 2;
    readonly CLOSED = 3;
    readonly url: string;
    readonly protocol = "sip";
    binaryType = "blob";
    readyState = 0;
    onopen: Handler = null;
    onmessage: Handler = null;
    onerror: Handler = null;
    onclose: Handler = null;
    readonly #connection: Connection;

    constructor(url: string) {
      super();
      this.url = url;
      this.#connection = connect({
        opened: () => {
          this.readyState = 1;
          this.emit("open");
        },
        deliver: (data) => this.emit("message", { data }),
        failed: () => this.#end(1006, false),
      });
    }

    send(text: string): void {
      if (this.readyState === 1) this.#connection.receive(text);
    }

    close(code = 1000): void {
      if (this.readyState > 1) return;
      this.readyState = 2;
      this.#connection.closed();
      later(1, () => this.#end(code, true));
    }

    #end(code: number, wasClean: boolean): void {
      if (this.readyState === 3) return;
      this.readyState = 3;
      this.emit("close", { code, wasClean, reason: "" });
    }
  };
}

// WebRTC -----------------------------------------------------------------------------------------

class VirtualTrack extends Target {
  readonly kind = "audio";
  readonly id = crypto.randomUUID();
  enabled = true;
  readyState = "live";

  stop(): void {
    this.readyState = "ended";
  }
}

class VirtualStream extends Target {
  readonly #tracks: VirtualTrack[];

  constructor(tracks: VirtualTrack[] = []) {
    super();
    this.#tracks = [...tracks];
  }

  getTracks(): VirtualTrack[] {
    return [...this.#tracks];
  }

  getAudioTracks(): VirtualTrack[] {
    return this.getTracks();
  }

  getVideoTracks(): VirtualTrack[] {
    return [];
  }

  addTrack(track: VirtualTrack): void {
    this.#tracks.push(track);
  }

  removeTrack(track: VirtualTrack): void {
    this.#tracks.splice(this.#tracks.indexOf(track), 1);
  }
}

class VirtualTrackEvent extends Event {
  readonly track: VirtualTrack;

  constructor(type: string, { track }: { track: VirtualTrack }) {
    super(type);
    this.track = track;
  }
}

interface Description {
  type: "offer" | "answer" | "rollback";
  sdp: string;
}

class VirtualDescription implements Description {
  readonly type: Description["type"];
  readonly sdp: string;

  constructor({ type, sdp }: Description) {
    this.type = type;
    this.sdp = sdp;
  }
}

const FINGERPRINT = Array.from({ length: 32 }, () => "AB").join(":");

class VirtualPeerConnection extends Target {
  localDescription: Description | null = null;
  remoteDescription: Description | null = null;
  signalingState = "stable";
  iceGatheringState = "complete";
  iceConnectionState = "connected";
  connectionState = "connected";
  readonly #transceivers: { sender: object; receiver: object; direction: string }[] = [];
  #version = 0;

  addTrack(track: VirtualTrack): object {
    const sender = { track, dtmf: null, replaceTrack: async () => {} };
    const receiver = { track: new VirtualTrack() };
    this.#transceivers.push({ sender, receiver, direction: "sendrecv" });
    return sender;
  }

  getTransceivers() {
    return this.#transceivers;
  }

  getSenders(): object[] {
    return this.#transceivers.map(({ sender }) => sender);
  }

  getReceivers(): object[] {
    return this.#transceivers.map(({ receiver }) => receiver);
  }

  async createOffer(): Promise<Description> {
    return { type: "offer", sdp: this.#sdp("actpass") };
  }

  async createAnswer(): Promise<Description> {
    return { type: "answer", sdp: this.#sdp("active") };
  }

  async setLocalDescription(description: Description): Promise<void> {
    this.localDescription = description;
    this.signalingState = description.type === "offer" ? "have-local-offer" : "stable";
    this.emit("signalingstatechange");
  }

  async setRemoteDescription(description: Description): Promise<void> {
    this.remoteDescription = description;
    this.signalingState = description.type === "offer" ? "have-remote-offer" : "stable";
    this.emit("signalingstatechange");
    if (this.getReceivers().length === 0) this.addTrack(new VirtualTrack());
  }

  close(): void {
    this.signalingState = "closed";
    this.connectionState = "closed";
  }

  #sdp(setup: "actpass" | "active"): string {
    this.#version += 1;
    return [
      "v=0",
      `o=- 1 ${this.#version} IN IP4 10.0.1.1`,
      "s=-",
      "t=0 0",
      "a=group:BUNDLE 0",
      "m=audio 9 UDP/TLS/RTP/SAVPF 111 110",
      "c=IN IP4 0.0.0.0",
      "a=ice-ufrag:abcd",
      `a=ice-pwd:${"x".repeat(24)}`,
      `a=fingerprint:sha-256 ${FINGERPRINT}`,
      `a=setup:${setup}`,
      "a=mid:0",
      "a=rtcp-mux",
      "a=rtpmap:111 opus/48000/2",
      "a=rtpmap:110 telephone-event/48000",
      `a=${this.#transceivers[0]?.direction ?? "sendrecv"}`,
      "",
    ].join("\r\n");
  }
}
