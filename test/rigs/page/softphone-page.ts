/** Runs in the browser: one softphone, made of JsSIP or SIP.js as their users make it. */
import JsSIP from "jssip";
import {
  type Invitation,
  Inviter,
  Registerer,
  type Session,
  SessionState,
  UserAgent,
} from "sip.js";
import type { PhoneFace } from "./phone-face.ts";

declare const LIBRARY: "jssip" | "sipjs";

const log: string[] = [];
const status = { registered: false, call: "idle", cause: "" };
const recording: Int16Array[] = [];
let recorder: AudioContext | undefined;
let pending: MediaStream | undefined;
let wantsRecording = false;

function note(text: string): void {
  log.push(`${Math.round(performance.now())} ${text}`);
}

/** The remote track as a person would hear it: an audio element plays it, a worklet records it. */
function hear(stream: MediaStream): void {
  const element = new Audio();
  element.srcObject = stream;
  void element.play();
  pending = stream;
  if (wantsRecording) void record();
}

const WORKLET = `registerProcessor("tap", class extends AudioWorkletProcessor {
  process([input]) { if (input[0]) this.port.postMessage(input[0].slice()); return true; }
});`;

async function record(): Promise<void> {
  if (!pending || recorder) return;
  recorder = new AudioContext({ sampleRate: 48_000 });
  const url = URL.createObjectURL(new Blob([WORKLET], { type: "text/javascript" }));
  await recorder.audioWorklet.addModule(url);
  const tap = new AudioWorkletNode(recorder, "tap");
  tap.port.onmessage = ({ data }: MessageEvent<Float32Array>) => {
    recording.push(Int16Array.from(data, (it) => Math.max(-32_768, Math.min(32_767, it * 32_768))));
  };
  recorder.createMediaStreamSource(pending).connect(tap);
  await recorder.resume();
}

const common = {
  state: () => ({ ...status, log }),
  startRecording: () => {
    wantsRecording = true;
    void record();
  },
  recorded: () => {
    const samples = new Int16Array(recording.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of recording) {
      samples.set(part, at);
      at += part.length;
    }
    const bytes = new Uint8Array(samples.buffer);
    let text = "";
    for (let start = 0; start < bytes.length; start += 8_192) {
      text += String.fromCharCode(...bytes.subarray(start, start + 8_192));
    }
    return { rate: 48_000, pcm: btoa(text) };
  },
};

/** Speech must arrive as it was sent to be compared: nothing may improve it on the way. */
const AUDIO = { echoCancellation: false, autoGainControl: false, noiseSuppression: false };

function jssipPhone(): PhoneFace {
  type RTCSession = import("jssip/lib/RTCSession").RTCSession;
  let ua: JsSIP.UA;
  let domain = "";
  let session: RTCSession | undefined;
  let answering = false;
  const options = {
    mediaConstraints: { audio: AUDIO, video: false },
    pcConfig: { iceServers: [] },
  };
  const answer = () => session?.answer(options as never);
  const follow = (next: RTCSession, incoming: boolean) => {
    session = next;
    status.call = incoming ? "ringing" : "calling";
    next.on("progress", () => {
      status.call = "ringing";
    });
    next.on("confirmed", () => {
      status.call = "connected";
    });
    for (const end of ["ended", "failed"] as const) {
      next.on(end, (event: { cause: string }) => {
        note(`${end}: ${event.cause}`);
        status.cause = event.cause;
        status.call = "ended";
      });
    }
    const listen = (connection: RTCPeerConnection) =>
      connection.addEventListener("track", ({ track, streams }) => {
        hear(streams[0] ?? new MediaStream([track]));
      });
    if (next.connection) listen(next.connection);
    else
      next.on("peerconnection", ({ peerconnection }: { peerconnection: RTCPeerConnection }) =>
        listen(peerconnection),
      );
    if (incoming && answering) answer();
  };
  return {
    ...common,
    register: (server, user, password) => {
      const socket = new JsSIP.WebSocketInterface(server);
      domain = new URL(server).hostname;
      const uri = `sip:${user}@${domain}`;
      ua = new JsSIP.UA({ sockets: [socket], uri, password, register_expires: 300 });
      ua.on(
        "newRTCSession",
        ({ session: next, originator }: { session: RTCSession; originator: string }) =>
          follow(next, originator === "remote"),
      );
      return new Promise((resolve, reject) => {
        ua.on("registered", () => {
          status.registered = true;
          resolve();
        });
        ua.on("registrationFailed", ({ cause }: { cause?: string }) => reject(new Error(cause)));
        ua.start();
      });
    },
    call: (number) => {
      ua.call(number, options as never);
    },
    answerNext: () => {
      answering = true;
      if (status.call === "ringing") answer();
    },
    hangUp: () => session?.terminate(),
    hold: (on) =>
      new Promise((resolve, reject) => {
        const done = () => resolve();
        const accepted = on ? session?.hold({}, done) : session?.unhold({}, done);
        if (accepted !== true) reject(new Error("the session can't be held now"));
      }),
    digit: (key) => session?.sendDTMF(key),
  };
}

function sipjsPhone(): PhoneFace {
  let agent: UserAgent;
  let session: Session | undefined;
  let answering = false;
  const sessionDescriptionHandlerOptions = { constraints: { audio: AUDIO, video: false } };
  const answer = () => void (session as Invitation).accept({ sessionDescriptionHandlerOptions });
  const follow = (next: Session) => {
    session = next;
    next.stateChange.addListener((state) => {
      note(`state ${state}`);
      if (state === SessionState.Established) {
        status.call = "connected";
        const handler = next.sessionDescriptionHandler as unknown as {
          peerConnection: RTCPeerConnection;
        };
        hear(new MediaStream(handler.peerConnection.getReceivers().map(({ track }) => track)));
      }
      if (state === SessionState.Terminated) status.call = "ended";
    });
  };
  const call = (number: string) => {
    const target = UserAgent.makeURI(`sip:${number}@${agent.configuration.uri.host}`);
    if (!target) throw new Error("no URI");
    const inviter = new Inviter(agent, target, { sessionDescriptionHandlerOptions });
    status.call = "calling";
    follow(inviter);
    void inviter.invite({
      requestDelegate: {
        onProgress: () => {
          status.call = "ringing";
        },
        onReject: ({ message }) => {
          status.cause = `${message.statusCode} ${message.reasonPhrase}`;
        },
      },
    });
  };
  return {
    ...common,
    register: async (server, user, password) => {
      const uri = UserAgent.makeURI(`sip:${user}@${new URL(server).hostname}`);
      if (!uri) throw new Error("no URI");
      agent = new UserAgent({
        uri,
        authorizationUsername: user,
        authorizationPassword: password,
        transportOptions: { server },
        sessionDescriptionHandlerFactoryOptions: {
          peerConnectionConfiguration: { iceServers: [] },
        },
        delegate: {
          onInvite: (invitation) => {
            status.call = "ringing";
            follow(invitation);
            if (answering) answer();
          },
        },
      });
      await agent.start();
      const registerer = new Registerer(agent, { expires: 300 });
      await new Promise<void>((resolve, reject) => {
        registerer.stateChange.addListener((state) => {
          status.registered = state === "Registered";
          if (status.registered) resolve();
        });
        registerer.register({
          requestDelegate: {
            onReject: ({ message }) => reject(new Error(String(message.statusCode))),
          },
        });
      });
    },
    call,
    answerNext: () => {
      answering = true;
      if (status.call === "ringing") answer();
    },
    hold: (on) =>
      new Promise((resolve, reject) => {
        // As its own SimpleUser does: the handler's `hold` option turns the direction.
        session?.invite({
          requestDelegate: {
            onAccept: () => resolve(),
            onReject: () => reject(new Error("held not")),
          },
          sessionDescriptionHandlerOptions: {
            ...sessionDescriptionHandlerOptions,
            hold: on,
          } as never,
        });
      }),
    digit: (key) => {
      const body = `Signal=${key}\r\nDuration=160`;
      const content = { contentDisposition: "render", contentType: "application/dtmf-relay" };
      void session?.info({ requestOptions: { body: { ...content, content: body } } });
    },
    hangUp: () => {
      if (session?.state === SessionState.Established) void session.bye();
      else if (session instanceof Inviter) void session.cancel();
      else void (session as Invitation | undefined)?.reject();
    },
  };
}

globalThis.phone = LIBRARY === "jssip" ? jssipPhone() : sipjsPhone();
