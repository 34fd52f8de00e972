/** A browser's session descriptions for calls in which only SIP is looked at: nobody answers its ICE. */
import { VirtualSoftphone } from "../../bench/endpoints/virtual-softphone.ts";
import type { GatewayRig } from "./gateway.ts";

const FINGERPRINT = Array.from({ length: 32 }, () => "A5").join(":");

/** As a browser would write it. */
export function browserSdp(
  setup: "actpass" | "active",
  direction: "sendrecv" | "sendonly" | "recvonly" | "inactive" = "sendrecv",
): string {
  return [
    "v=0",
    "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
    "s=-",
    "t=0 0",
    "a=group:BUNDLE 0",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111",
    "c=IN IP4 0.0.0.0",
    "a=ice-ufrag:abcd",
    "a=ice-pwd:abcdefghijklmnopqrstuvwx",
    `a=fingerprint:sha-256 ${FINGERPRINT}`,
    `a=setup:${setup}`,
    "a=mid:0",
    `a=${direction}`,
    "a=rtcp-mux",
    "a=rtpmap:111 opus/48000/2",
    "",
  ].join("\r\n");
}

/** A new user of the gateway and a registered softphone of theirs. */
export async function silentSoftphone(
  gateway: GatewayRig,
  user: string,
): Promise<{ phone: VirtualSoftphone; id: number }> {
  const password = `${user}-password`;
  const { id } = await gateway.api<{ id: number }>("POST", "/users", { name: user, password });
  const phone = await VirtualSoftphone.connect({
    server: gateway.socketUrl,
    user,
    password,
    plays: new Int16Array(480),
  });
  const status = await phone.register();
  if (status !== 200) throw new Error(`${user} may not register: ${status}`);
  return { phone, id };
}
