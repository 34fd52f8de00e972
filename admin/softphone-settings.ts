/** What a softphone must be told to be one of ours, for programs and in the words of each library. */

export interface SoftphoneSettings {
  /** Name and password, of SIP's digest. */
  readonly user: string;
  readonly password: string;
  readonly displayName: string;
  readonly uri: string;
  /** The SIP WebSocket. */
  readonly server: string;
  /** Seconds between registrations. */
  readonly expires: number;
  /** None: the gateway has an address of its own, and gathering ends at once. */
  readonly iceServers: readonly [];
}

/** `origin`: where the admin is served, as browsers see it. */
export function softphoneSettings(
  origin: URL,
  account: { name: string; displayName: string; password: string },
): SoftphoneSettings {
  const { name, displayName, password } = account;
  const scheme = origin.protocol === "https:" ? "wss" : "ws";
  return {
    user: name,
    password,
    displayName,
    uri: `sip:${name}@${origin.hostname}`,
    server: `${scheme}://${origin.host}/sip`,
    expires: 300,
    iceServers: [],
  };
}

/** Ready to paste. */
export function softphoneSnippets(it: SoftphoneSettings): { title: string; text: string }[] {
  const { user, password, uri, server, expires } = it;
  const q = JSON.stringify;
  return [
    {
      title: "JsSIP",
      text: `const socket = new JsSIP.WebSocketInterface(${q(server)});
const phone = new JsSIP.UA({
  sockets: [socket],
  uri: ${q(uri)},
  password: ${q(password)},
  register_expires: ${expires},
});
phone.start();
// With each call and answer: { pcConfig: { iceServers: [] } }`,
    },
    {
      title: "SIP.js",
      text: `const phone = new SIP.UserAgent({
  uri: SIP.UserAgent.makeURI(${q(uri)}),
  authorizationUsername: ${q(user)},
  authorizationPassword: ${q(password)},
  transportOptions: { server: ${q(server)}, keepAliveInterval: 30 },
  sessionDescriptionHandlerFactoryOptions: {
    peerConnectionConfiguration: { iceServers: [] },
  },
});
await phone.start();
await new SIP.Registerer(phone, { expires: ${expires} }).register();`,
    },
    { title: "Browser-Phone", text: q(browserPhone(it), undefined, 2) },
  ];
}

/** Its settings by their names, as it keeps them in the browser. */
function browserPhone({ user, password, displayName, server }: SoftphoneSettings) {
  const { hostname, port, pathname, protocol } = new URL(server);
  return {
    profileName: displayName || user,
    wssServer: hostname,
    WebSocketPort: port || (protocol === "wss:" ? "443" : "80"),
    ServerPath: pathname,
    SipDomain: hostname,
    SipUsername: user,
    SipPassword: password,
  };
}
