import { expect, test } from "bun:test";
import { softphoneSettings, softphoneSnippets } from "../../../admin/softphone-settings.ts";

const ALICE = { name: "alice", displayName: 'Alice "A" Ames', password: "pass\"w'ord`\\" };

test("address and server follow where the admin is served", () => {
  expect(softphoneSettings(new URL("https://phones.example.com"), ALICE)).toMatchObject({
    uri: "sip:alice@phones.example.com",
    server: "wss://phones.example.com/sip",
    iceServers: [],
  });
  expect(softphoneSettings(new URL("http://[::1]:8080"), ALICE)).toMatchObject({
    uri: "sip:alice@[::1]",
    server: "ws://[::1]:8080/sip",
  });
});

test("each library's lines are its language's, and bring the password whole", async () => {
  const settings = softphoneSettings(new URL("https://phones.example.com"), ALICE);
  const text = Object.fromEntries(softphoneSnippets(settings).map((it) => [it.title, it.text]));
  const seen: Record<string, unknown>[] = [];
  class Kept {
    constructor(options: Record<string, unknown>) {
      seen.push(options);
    }
    start() {}
  }
  const JsSIP = { UA: Kept, WebSocketInterface: Kept };
  new Function("JsSIP", text["JsSIP"] ?? "")(JsSIP);
  expect(seen.at(-1)).toMatchObject({
    uri: "sip:alice@phones.example.com",
    password: ALICE.password,
  });
  class Registerer extends Kept {
    register() {}
  }
  const UserAgent = Object.assign(class extends Kept {}, { makeURI: (uri: string) => uri });
  const run = new Function("SIP", `return (async () => { ${text["SIP.js"]} })()`);
  seen.length = 0;
  await run({ UserAgent, Registerer });
  expect(seen[0]).toMatchObject({ authorizationPassword: ALICE.password });
  expect(JSON.parse(text["Browser-Phone"] ?? "")).toEqual({
    profileName: ALICE.displayName,
    wssServer: "phones.example.com",
    WebSocketPort: "443",
    ServerPath: "/sip",
    SipDomain: "phones.example.com",
    SipUsername: "alice",
    SipPassword: ALICE.password,
  });
});

test("RTE-12: what a softphone is told leads to this gateway and nowhere else", () => {
  const settings = softphoneSettings(new URL("https://phones.example.com:8443"), ALICE);
  const places = softphoneSnippets(settings).map(({ text }) => [
    ...new Set(text.match(/[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|net|org)\b(?::\d+)?/gi)),
  ]);
  const [own, port] = ["phones.example.com", "phones.example.com:8443"];
  expect(places).toEqual([[port, own], [own, port], [own]]);
  expect(new URL(settings.server)).toMatchObject({ protocol: "wss:", host: port });
  expect(settings.iceServers).toEqual([]);
});
