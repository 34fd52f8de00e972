/** Who is called by the load: a PBX or a phone on UDP that answers each call and lets it end. */
import { answerText, PBX_SDP } from "./messages.ts";

const REPEATED = /^(?:Via|From|To|Call-ID|CSeq|Record-Route|[vfti]) *:/i;

export interface Callee {
  stop(): void;
}

export async function openCallee(port: number): Promise<Callee> {
  const contact = `sip:callee@127.0.0.1:${port}`;
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    port,
    binaryType: "buffer",
    socket: {
      data: (own, data, from, address) => {
        for (const answer of answersTo(data.toString(), contact)) own.send(answer, from, address);
      },
    },
  });
  return { stop: () => socket.close() };
}

function answersTo(request: string, contact: string): string[] {
  const method = request.slice(0, request.indexOf(" "));
  if (method === "ACK" || method === "SIP/2.0") return [];
  const head = request.slice(0, request.indexOf("\r\n\r\n")).split("\r\n");
  const repeated = head.filter((line) => REPEATED.test(line)).map(tagged);
  if (method !== "INVITE") return [answerText("200 OK", repeated, contact, "")];
  return [
    answerText("180 Ringing", repeated, contact, ""),
    answerText("200 OK", repeated, contact, PBX_SDP),
  ];
}

function tagged(line: string): string {
  return /^(?:To|t) *:/i.test(line) && !line.includes(";tag=") ? `${line};tag=callee` : line;
}
