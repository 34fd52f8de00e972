/**
 * Wireshark's dissectors as a second opinion (P14): a capture of UDP datagrams, read back as what
 * tshark takes each of them for.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { concat } from "../../gateway/bytes.ts";

export interface Dissection {
  protocols: string[];
  isMalformed: boolean;
  /** Its remarks, notes and comments left out. */
  remarks: string[];
}

const HEADERS_BYTES = 28;
/** Of tshark's severities: warning and error. */
const SEVERE = new Set(["6291456", "8388608"]);
const FIELDS = ["frame.protocols", "_ws.malformed", "_ws.expert.severity", "_ws.expert.message"];

/** Datagrams to `port`, which is taken for `protocol` whatever is in them; one answer for each. */
export function dissect(
  datagrams: readonly Uint8Array[],
  port: number,
  protocol: string,
): Dissection[] {
  const directory = mkdtempSync(join(tmpdir(), "capture-"));
  const file = join(directory, "capture.pcap");
  writeFileSync(file, capture(datagrams, port));
  const as = ["-d", `udp.port==${port},${protocol}`];
  const fields = FIELDS.flatMap((field) => ["-e", field]);
  const separators = ["-E", "separator=/t", "-E", "aggregator=|"];
  const { stdout } = Bun.spawnSync(
    ["tshark", "-n", "-r", file, ...as, "-T", "fields", ...separators, ...fields],
    { stderr: "ignore" },
  );
  rmSync(directory, { recursive: true, force: true });
  return stdout.toString().split("\n").slice(0, datagrams.length).map(dissectionOf);
}

function dissectionOf(line: string): Dissection {
  const [protocols = "", malformed = "", severities = "", messages = ""] = line.split("\t");
  const severe = severities.split("|");
  const remarks = messages.split("|").filter((_, index) => SEVERE.has(severe[index] ?? ""));
  return { protocols: protocols.split(":"), isMalformed: malformed !== "", remarks };
}

/** A classic pcap of raw IPv4 packets (LINKTYPE_RAW). */
function capture(datagrams: readonly Uint8Array[], port: number): Uint8Array {
  const head = new DataView(new ArrayBuffer(24));
  head.setUint32(0, 0xa1b2c3d4);
  head.setUint16(4, 2);
  head.setUint16(6, 4);
  head.setUint32(16, 65_535);
  head.setUint32(20, 101);
  return concat(new Uint8Array(head.buffer), ...datagrams.map((it) => packet(it, port)));
}

function packet(datagram: Uint8Array, port: number): Uint8Array {
  const size = HEADERS_BYTES + datagram.length;
  const view = new DataView(new ArrayBuffer(16 + HEADERS_BYTES));
  view.setUint32(8, size);
  view.setUint32(12, size);
  view.setUint8(16, 0x45);
  view.setUint16(18, size);
  view.setUint8(24, 64);
  view.setUint8(25, 17);
  view.setUint32(28, 0x7f000001);
  view.setUint32(32, 0x7f000001);
  view.setUint16(36, 40_000);
  view.setUint16(38, port);
  view.setUint16(40, 8 + datagram.length);
  return concat(new Uint8Array(view.buffer), datagram);
}
