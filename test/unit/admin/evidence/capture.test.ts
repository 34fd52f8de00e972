/** The capture file: what a SIP tool makes of it, IPv4 and IPv6, whatever carried the messages. */
import { expect, test } from "bun:test";
import { captureOf } from "../../../../admin/evidence/capture.ts";
import type { CallTrace } from "../../../../gateway/b2bua/call-trace.ts";
import { sampleCall } from "../../../rigs/call-sample.ts";

const TSHARK = Bun.which("tshark");

async function dissected(trace: CallTrace, fields: string[]): Promise<string[]> {
  const path = `/tmp/jackfield-capture-${process.pid}-${fields.length}.pcap`;
  await Bun.write(path, captureOf(trace));
  const options = ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"];
  const wanted = fields.flatMap((field) => ["-e", field]);
  const tshark = Bun.spawn(["tshark", "-r", path, ...options, "-T", "fields", ...wanted], {
    stderr: "ignore",
  });
  const text = await new Response(tshark.stdout).text();
  await Bun.file(path).delete();
  return text.replace(/\n$/, "").split("\n");
}

test.skipIf(TSHARK === null)(
  "X2: tshark reads every message of a call, with right checksums and the right ends",
  async () => {
    const { trace } = sampleCall(undefined);
    if (!trace) throw new Error("there is no trace");
    const fields = ["sip.Method", "sip.Status-Code", "ip.src", "udp.checksum.status"];
    const lines = await dissected(trace, [...fields, "ip.checksum.status", "_ws.malformed"]);
    expect(lines.length).toBe(trace.messages.length);
    expect(lines[0]).toBe("INVITE\t\t10.0.1.1\t1\t1\t");
    expect(lines.filter((line) => /^\t200\t/.test(line)).length).toBeGreaterThan(2);
    for (const line of lines) expect(line).toMatch(/^(?:[A-Z]+\t|\t\d{3})\t[\d.]+\t1\t1\t$/);
    const parties = trace.parties.map((party) => ({
      ...party,
      remote: { address: "2001:db8::5", port: 5_060 },
      local: { address: "2001:db8::1", port: 5_060 },
    }));
    const six = await dissected({ ...trace, parties }, ["ipv6.src", "udp.checksum.status", "sip"]);
    expect(six.length).toBe(trace.messages.length);
    for (const line of six) expect(line).toMatch(/^2001:db8::[15]\t1\t\S/);
  },
  60_000,
);

test("X2: an empty trace is an empty capture, and an unreadable address is no packet's end", () => {
  const { trace } = sampleCall(undefined);
  if (!trace) throw new Error("there is no trace");
  expect(captureOf({ ...trace, messages: [] }).length).toBe(24);
  const parties = trace.parties.map((party) => ({ ...party, local: { address: "?", port: 1 } }));
  expect(captureOf({ ...trace, parties }).length).toBe(captureOf(trace).length);
});
