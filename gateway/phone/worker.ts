/**
 * Program 4: a softphone of our own, for one test call, in a thread of its own. Its SIP goes to and
 * from the main thread in messages, as by a WebSocket; its audio is real WebRTC on a real socket.
 */
import { loadCodecs } from "../../media-wasm/codec.ts";
import type { Flow, FlowId } from "../sip/flow.ts";
import type { FromPhone, PhoneOrder, ToPhone } from "./protocol.ts";
import { SipDialog } from "./sip-dialog.ts";
import { SipEndpoint } from "./sip-endpoint.ts";
import { placeTestCall } from "./test-call.ts";

declare const self: Worker;

const post = (message: FromPhone): void => self.postMessage(message);
/** The last BYE's answer, and what else is on its way. */
const GOODBYE_MS = 300;

const flow: Flow = {
  id: "the gateway" as FlowId,
  transport: "ws",
  sentBy: "phone.invalid",
  remote: { address: "127.0.0.1", port: 1 },
  local: { address: "127.0.0.1", port: 1 },
};
const stop = Promise.withResolvers<void>();
let dialog: SipDialog | undefined;

const endpoint = new SipEndpoint(
  (_flow, bytes) => post({ type: "send", bytes }),
  (served) => {
    const isOurs = dialog !== undefined && SipDialog.keyOf(served.request) === dialog.key;
    if (isOurs) dialog?.request(served);
    else served.respond(served.request.method === "INVITE" ? 486 : 481);
  },
);

self.onmessage = ({ data }: MessageEvent<ToPhone>) => {
  if (data.type === "received") endpoint.receive(flow, data.bytes);
  else if (data.type === "stop") stop.resolve();
  else void run(data);
};

async function run(order: PhoneOrder): Promise<void> {
  try {
    await placeTestCall(order, {
      endpoint,
      flow,
      codecs: await loadCodecs(),
      onDialog: (made) => {
        dialog = made;
      },
      tell: (step) => post({ type: "step", step }),
      stopped: stop.promise,
    });
    await Bun.sleep(GOODBYE_MS);
    post({ type: "over" });
  } catch (error) {
    post({ type: "fault", reason: (error as Error).message });
  }
  endpoint.stop();
}
