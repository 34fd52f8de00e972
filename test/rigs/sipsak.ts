/** sipsak (Debian): one SIP message, one judgement. */

export interface Judged {
  /** 0 where it was content with the answer. */
  exitCode: number;
  /** What it wrote: the messages, with `-vvv`. */
  output: string;
}

/** Runs it with `args`; it sends to whatever URI stands behind `-s`. */
export async function sipsak(...args: string[]): Promise<Judged> {
  const process = Bun.spawn(["sipsak", "-vvv", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors] = await Promise.all([
    new Response(process.stdout).text(),
    new Response(process.stderr).text(),
  ]);
  return { exitCode: await process.exited, output: output + errors };
}
