/** sipp (Debian) with a scenario of ours: it ends with 0 only when every step went as written. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export type Step =
  | { send: string; retransmits?: boolean }
  | { receive: string; optional?: boolean; keepsRoute?: boolean }
  | { expect: number; optional?: boolean; keepsRoute?: boolean }
  | { pauseMs: number };

/** A scenario's XML; line breaks inside messages are sipp's business. */
function scenario(steps: readonly Step[]): string {
  const parts = steps.map((step) => {
    if ("send" in step) {
      const again = step.retransmits ? ' retrans="500"' : "";
      return `<send${again}><![CDATA[\n${step.send.trim()}\n\n]]></send>`;
    }
    if ("pauseMs" in step) return `<pause milliseconds="${step.pauseMs}"/>`;
    const optional = step.optional ? ' optional="true"' : "";
    const route = step.keepsRoute ? ' rrs="true"' : "";
    const what = "receive" in step ? `request="${step.receive}"` : `response="${step.expect}"`;
    return `<recv ${what}${optional}${route}/>`;
  });
  return `<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="s">\n${parts.join("\n")}\n</scenario>\n`;
}

export interface SippOptions {
  directory: string;
  host?: string;
  port: number;
  steps: readonly Step[];
  /** Where it calls; absent: it waits for a call. */
  target?: string;
  service?: string;
}

/** Runs one call; rejects with what sipp objected to. */
export async function runSipp(options: SippOptions): Promise<void> {
  const { directory, host = "127.0.0.1", port, steps, target, service = "alice" } = options;
  const name = `scenario-${port}-${Math.abs(Bun.hash.crc32(JSON.stringify(steps)))}`;
  const file = join(directory, `${name}.xml`);
  writeFileSync(file, scenario(steps));
  const process = Bun.spawn(
    [
      ...["sipp", "-sf", file, "-i", host, "-p", String(port), "-m", "1", "-nostdin"],
      ...["-timeout", "30", "-recv_timeout", "12000", "-trace_err", "-s", service],
      ...(target === undefined ? [] : [target]),
    ],
    { cwd: directory, stdio: ["ignore", "ignore", "ignore"] },
  );
  if ((await process.exited) === 0) return;
  const errors = readdirSync(directory)
    .filter((it) => it.startsWith(name) && it.endsWith("_errors.log"))
    .map((it) => readFileSync(join(directory, it), "utf8"));
  throw new Error(`sipp ended with ${process.exitCode}:\n${errors.join("\n").slice(0, 3_000)}`);
}
