/** A softphone of SIP.js's API classes, made as its guides show; the package is as npm has it. */
import {
  type Info,
  Invitation,
  Inviter,
  Messager,
  type Notification,
  Registerer,
  RegistererState,
  type Session,
  SessionState,
  Subscriber,
  type URI,
  UserAgent,
} from "sip.js";
import { AUDIO, emptyState, type Line, type Softphone } from "./softphone.ts";

const RECONNECT_MS = 500;
/** Between later attempts, as Browser-Phone has it. */
const RECONNECT_AGAIN_MS = 3_000;

const sessionDescriptionHandlerOptions = { constraints: { audio: AUDIO, video: false } };

interface MediaHandler {
  peerConnection: RTCPeerConnection;
  sendDtmf(tones: string): boolean;
}

function mediaOf(session: Session): MediaHandler {
  return session.sessionDescriptionHandler as unknown as MediaHandler;
}

/** `hear` is handed every stream that comes in. */
export function sipjsSoftphone(hear: (stream: MediaStream) => void): Softphone {
  const state = emptyState();
  const calls: Session[] = [];
  let agent: UserAgent;
  let registerer: Registerer;
  let answers = false;

  const at = (line: number): Session => {
    const call = calls[line];
    if (!call) throw new Error(`there is no line ${line}`);
    return call;
  };
  const address = (target: string): URI => {
    const uri = UserAgent.makeURI(`sip:${target}@${agent.configuration.uri.host}`);
    if (!uri) throw new Error(`${target} makes no URI`);
    return uri;
  };
  const follow = (call: Session, incoming: boolean): Line => {
    const line: Line = { incoming, state: incoming ? "ringing" : "calling", cause: "", keys: [] };
    calls.push(call);
    state.lines.push(line);
    call.stateChange.addListener((next) => {
      if (next === SessionState.Established) {
        line.state = "connected";
        const receivers = mediaOf(call).peerConnection.getReceivers();
        hear(new MediaStream(receivers.map(({ track }) => track)));
      } else if (next === SessionState.Terminated) line.state = "ended";
    });
    call.delegate = {
      onInfo: (info: Info) => {
        const key = /Signal\s*=\s*(\S)/.exec(info.request.body)?.[1];
        if (key !== undefined) line.keys.push(key);
        void info.accept();
      },
      onBye: (bye) => {
        line.cause = bye.request.getHeader("Reason") ?? "";
        void bye.accept();
      },
      onCancel: (cancel) => {
        line.cause = cancel.request.getHeader("Reason") ?? "";
      },
    };
    return line;
  };
  const accept = (call: Session) => {
    if (call instanceof Invitation) void call.accept({ sessionDescriptionHandlerOptions });
  };
  const referral = {
    onNotify: (notification: Notification) => {
      const [line = ""] = notification.request.body.split("\r\n");
      state.referrals.push(line.replace("SIP/2.0 ", ""));
      void notification.accept();
    },
    requestDelegate: {
      onAccept: () => void state.referrals.push("accepted"),
      onReject: ({ message }: { message: { statusCode: number | undefined } }) =>
        void state.referrals.push(`refused: ${message.statusCode}`),
    },
  };
  const register = () =>
    registerer.register({
      requestDelegate: {
        onAccept: () => {
          state.registrations += 1;
        },
      },
    });
  /** A REGISTER that the lost connection swallowed is in the way until it has timed out. */
  const registerAgain = () =>
    void register().catch(() => {
      setTimeout(registerAgain, RECONNECT_MS);
    });
  /** The library leaves it to its user to come back. */
  const reconnect = () => {
    const again = () =>
      void agent.reconnect().then(registerAgain, () => setTimeout(again, RECONNECT_AGAIN_MS));
    setTimeout(again, RECONNECT_MS);
  };

  return {
    start: async ({ server, user, password, instance, expires, ...settings }) => {
      const uri = UserAgent.makeURI(`sip:${user}@${new URL(server).hostname}`);
      if (!uri) throw new Error("the user makes no URI");
      answers = settings.answers;
      agent = new UserAgent({
        uri,
        authorizationUsername: user,
        authorizationPassword: password,
        logBuiltinEnabled: false,
        transportOptions: { server },
        ...(instance === undefined ? {} : { instanceId: instance }),
        sessionDescriptionHandlerFactoryOptions: {
          peerConnectionConfiguration: { iceServers: [] },
        },
        delegate: {
          onInvite: (invitation) => {
            follow(invitation, true);
            if (answers) accept(invitation);
          },
          onMessage: (message) => {
            const { body, from } = message.request;
            state.messages.push({ from: from.uri.user ?? "", text: body });
            void message.accept();
          },
          onDisconnect: (error) => {
            if (error) reconnect();
          },
        },
      });
      await agent.start();
      const device = instance === undefined ? {} : { instanceId: instance, regId: 1 };
      registerer = new Registerer(agent, { expires, refreshFrequency: 90, ...device });
      await new Promise<void>((resolve, reject) => {
        registerer.stateChange.addListener((next) => {
          state.registered = next === RegistererState.Registered;
          if (state.registered) resolve();
        });
        void registerer.register({
          requestDelegate: {
            onAccept: () => {
              state.registrations += 1;
            },
            onReject: ({ message }) => reject(new Error(String(message.statusCode))),
          },
        });
      });
    },
    unregister: async () => {
      await registerer.unregister();
      await new Promise<void>((resolve) => {
        if (registerer.state === RegistererState.Unregistered) resolve();
        else registerer.stateChange.addListener(() => resolve());
      });
    },
    call: (target) => {
      const inviter = new Inviter(agent, address(target), { sessionDescriptionHandlerOptions });
      const line = follow(inviter, false);
      void inviter.invite({
        requestDelegate: {
          onProgress: () => {
            line.state = "ringing";
          },
          onReject: ({ message }) => {
            line.cause = `${message.statusCode} ${message.reasonPhrase}`;
          },
        },
      });
    },
    answer: (line) => accept(at(line)),
    hangUp: (line) => {
      const call = at(line);
      if (call.state === SessionState.Established) void call.bye();
      else if (call instanceof Inviter) void call.cancel();
      else if (call instanceof Invitation) void call.reject();
    },
    hold: (line, on) =>
      new Promise((resolve, reject) => {
        // As its own SimpleUser does: the option turns the direction, the tracks fall silent.
        const options = { ...sessionDescriptionHandlerOptions, hold: on };
        const { peerConnection } = mediaOf(at(line));
        for (const { track } of peerConnection.getSenders()) if (track) track.enabled = !on;
        for (const { track } of peerConnection.getReceivers()) track.enabled = !on;
        void at(line).invite({
          requestDelegate: {
            onAccept: () => resolve(),
            onReject: ({ message }) => reject(new Error(String(message.statusCode))),
          },
          sessionDescriptionHandlerOptions: options,
        });
      }),
    refer: (line, target) => void at(line).refer(address(target), referral),
    attend: (line, other) => void at(line).refer(at(other), referral),
    digit: (line, key, way) => {
      if (way === "rtp") {
        mediaOf(at(line)).sendDtmf(key);
        return;
      }
      const content = `Signal=${key}\r\nDuration=160`;
      const type = { contentDisposition: "render", contentType: "application/dtmf-relay" };
      void at(line).info({ requestOptions: { body: { ...type, content } } });
    },
    update: () => Promise.reject(new Error("SIP.js sends no UPDATE")),
    message: (target, text) =>
      new Promise((resolve) => {
        const told = ({ message }: { message: { statusCode: number | undefined } }) =>
          resolve(message.statusCode ?? 0);
        const messager = new Messager(agent, address(target), text);
        void messager.message({ requestDelegate: { onAccept: told, onReject: told } });
      }),
    subscribe: (target, event, accept) => {
      const subscriber = new Subscriber(agent, address(target), event, {
        expires: 600,
        extraHeaders: [`Accept: ${accept}`],
      });
      subscriber.delegate = {
        onNotify: (notification) => {
          state.notifications.push({ event, body: notification.request.body });
          void notification.accept();
        },
      };
      void subscriber.subscribe();
    },
    state: () => state,
  };
}
