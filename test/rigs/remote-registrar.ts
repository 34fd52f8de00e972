/**
 * A PBX that grants every registration for a short while, as a program of its own on a host of its
 * own: see `remote-host.ts`. Says on standard output when it granted which, a line for each.
 */
import { createSocket } from "node:dgram";
import { callId, cseq } from "../../gateway/sip/accessors.ts";
import { createResponse } from "../../gateway/sip/build.ts";
import { parseMessage } from "../../gateway/sip/parse.ts";
import { printMessage } from "../../gateway/sip/print.ts";

const [port = "5060", seconds = "20"] = process.argv.slice(2);
const socket = createSocket("udp4");
socket.on("message", (bytes, from) => {
  const parsed = parseMessage(new Uint8Array(bytes));
  if (!parsed.ok || parsed.message.kind !== "request") return;
  const request = parsed.message;
  const contact = request.headers.get("Contact") ?? "";
  const headers: [string, string][] = [
    ["Contact", `${contact};expires=${seconds}`],
    ["Expires", seconds],
  ];
  const isRegister = request.method === "REGISTER";
  const response = createResponse(request, 200, { headers: isRegister ? headers : [] });
  socket.send(printMessage(response), from.port, from.address);
  if (isRegister) console.log(`${Date.now()} ${callId(request)} ${cseq(request).number}`);
});
socket.bind(Number(port), "0.0.0.0", () => console.log("ready"));
