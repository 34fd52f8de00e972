/** A softphone of JsSIP, made as its users make theirs; the package is as npm has it. */
import JsSIP from "jssip";
import type { RTCSession } from "jssip/lib/RTCSession";
import { AUDIO, emptyState, type Line, type Softphone } from "./softphone.ts";

const CALL_OPTIONS = {
  mediaConstraints: { audio: AUDIO, video: false },
  pcConfig: { iceServers: [] },
} as const;

/** `hear` is handed every stream that comes in. */
export function jssipSoftphone(hear: (stream: MediaStream) => void): Softphone {
  const state = emptyState();
  const calls: RTCSession[] = [];
  let ua: JsSIP.UA;
  let domain = "";
  let answers = false;

  const at = (line: number): RTCSession => {
    const call = calls[line];
    if (!call) throw new Error(`there is no line ${line}`);
    return call;
  };
  const address = (target: string) => `sip:${target}@${domain}`;
  const follow = (call: RTCSession, incoming: boolean) => {
    const line: Line = { incoming, state: incoming ? "ringing" : "calling", cause: "", keys: [] };
    calls.push(call);
    state.lines.push(line);
    call.on("progress", () => {
      line.state = "ringing";
    });
    call.on("confirmed", () => {
      line.state = "connected";
    });
    for (const end of ["ended", "failed"] as const) {
      call.on(end, ({ cause }: { cause: string }) => {
        line.state = "ended";
        line.cause = cause;
      });
    }
    call.on("newDTMF", (event: { originator: string; dtmf: { tone: string } }) => {
      if (event.originator === "remote") line.keys.push(event.dtmf.tone);
    });
    const listen = (connection: RTCPeerConnection) =>
      connection.addEventListener("track", ({ track }) => hear(new MediaStream([track])));
    if (call.connection) listen(call.connection);
    else {
      call.on("peerconnection", (event: { peerconnection: RTCPeerConnection }) =>
        listen(event.peerconnection),
      );
    }
    if (incoming && answers) call.answer(CALL_OPTIONS as never);
  };
  const note = (event: { status_line?: { status_code: number; reason_phrase: string } }) => {
    const line = event.status_line;
    if (line) state.referrals.push(`${line.status_code} ${line.reason_phrase}`);
  };
  const referral = {
    requestSucceeded: () => state.referrals.push("accepted"),
    requestFailed: ({ cause }: { cause: string }) => state.referrals.push(`refused: ${cause}`),
    trying: note,
    progress: note,
    accepted: note,
    failed: note,
  };

  return {
    start: ({ server, user, password, instance, expires, ...settings }) => {
      const socket = new JsSIP.WebSocketInterface(server);
      domain = new URL(server).hostname;
      answers = settings.answers;
      const uri = address(user);
      const device = instance === undefined ? {} : { instance_id: instance };
      ua = new JsSIP.UA({ sockets: [socket], uri, password, register_expires: expires, ...device });
      ua.on("newRTCSession", (event: { session: RTCSession; originator: string }) =>
        follow(event.session, event.originator === "remote"),
      );
      ua.on("newMessage", (event: { originator: string; request: unknown }) => {
        if (event.originator !== "remote") return;
        const { body, from } = event.request as { body: string; from: { uri: { user: string } } };
        state.messages.push({ from: from.uri.user, text: body });
      });
      ua.on("unregistered", () => {
        state.registered = false;
      });
      return new Promise((resolve, reject) => {
        ua.on("registered", () => {
          state.registered = true;
          state.registrations += 1;
          resolve();
        });
        ua.on("registrationFailed", ({ cause }: { cause?: string }) => reject(new Error(cause)));
        ua.start();
      });
    },
    unregister: () =>
      new Promise((resolve) => {
        ua.on("unregistered", () => resolve());
        ua.unregister();
      }),
    call: (target) => void ua.call(address(target), CALL_OPTIONS as never),
    answer: (line) => at(line).answer(CALL_OPTIONS as never),
    hangUp: (line) => {
      // The other end may have been first; the library throws at that.
      if (!at(line).isEnded()) at(line).terminate();
    },
    hold: (line, on) =>
      new Promise((resolve, reject) => {
        const done = () => resolve();
        const accepted = on ? at(line).hold({}, done) : at(line).unhold({}, done);
        if (accepted !== true) reject(new Error("it can't be held now"));
      }),
    refer: (line, target) => void at(line).refer(address(target), { eventHandlers: referral }),
    attend: (line, other) => {
      const replaces = at(other);
      const target = replaces.remote_identity.uri;
      at(line).refer(target as never, { replaces, eventHandlers: referral });
    },
    digit: (line, key, way) => {
      const transport = way === "info" ? "INFO" : "RFC2833";
      at(line).sendDTMF(key, { transportType: transport } as never);
    },
    update: (line) =>
      new Promise((resolve, reject) => {
        const accepted = at(line).renegotiate({ useUpdate: true } as never, () => resolve());
        if (accepted !== true) reject(new Error("it can't be updated now"));
      }),
    message: (target, text) =>
      new Promise((resolve) => {
        const told = ({ response }: { response?: { status_code: number } }) =>
          resolve(response?.status_code ?? 0);
        const eventHandlers = { succeeded: told, failed: told };
        ua.sendMessage(address(target), text, { eventHandlers } as never);
      }),
    subscribe: (target, event, accept) => {
      const subscriber = ua.subscribe(address(target), event, accept, { expires: 600 });
      // It is an emitter, which its types do not tell.
      const emitter = subscriber as unknown as {
        on(
          name: string,
          listener: (isFinal: boolean, request: unknown, body?: string) => void,
        ): void;
      };
      emitter.on("notify", (_isFinal, _request, body) =>
        state.notifications.push({ event, body: body ?? "" }),
      );
      subscriber.subscribe();
    },
    state: () => state,
  };
}
