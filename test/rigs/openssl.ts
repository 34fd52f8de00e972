/** OpenSSL's command line: certificates of any kind, and a TLS server that prints what it hears. */

import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { fromUtf8 } from "../../gateway/bytes.ts";
import { freePort } from "./free-port.ts";

const HOST = "127.0.0.1";

export const hasOpenssl = Bun.which("openssl") !== null;

/** Runs one command; rejects with what it said. */
export async function openssl(directory: string, ...args: string[]): Promise<void> {
  const child = Bun.spawn(["openssl", ...args], {
    cwd: directory,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(said);
}

/**
 * `BASE.pem` and `BASE.key` for the names, signed by itself; `days` below zero: it has expired.
 */
export async function makeCertificate(
  directory: string,
  base: string,
  names: readonly string[],
  days = 2,
): Promise<void> {
  writeFileSync(
    join(directory, `${base}.ext`),
    `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}\n`,
  );
  await openssl(
    ...[directory, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    ...["-nodes", "-keyout", `${base}.key`, "-out", `${base}.csr`, "-subj", `/CN=${names[0]}`],
  );
  await openssl(
    ...[directory, "x509", "-req", "-in", `${base}.csr`, "-signkey", `${base}.key`],
    ...["-days", String(days), "-extfile", `${base}.ext`, "-out", `${base}.pem`],
  );
}

/** OpenSSL's own server with that certificate, while `use` runs. */
export async function withTlsServer(
  directory: string,
  base: string,
  more: readonly string[],
  use: (port: number, heard: () => string) => Promise<void>,
): Promise<void> {
  const port = await freePort();
  const child = Bun.spawn(
    [
      ...["openssl", "s_server", "-accept", `${HOST}:${port}`, "-quiet"],
      ...["-cert", `${base}.pem`, "-key", `${base}.key`, ...more],
    ],
    { cwd: directory, stdio: ["pipe", "pipe", "pipe"] },
  );
  let heard = "";
  const follow = async (stream: ReadableStream<Uint8Array>) => {
    for await (const chunk of stream) heard += fromUtf8(chunk);
  };
  void follow(child.stdout);
  void follow(child.stderr);
  try {
    await listening(port);
    await use(port, () => heard);
  } finally {
    child.kill();
    await child.exited;
  }
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, HOST, () => {
        socket.destroy();
        resolve(true);
      }).on("error", () => resolve(false));
    });
    if (isUp) return;
    await Bun.sleep(20);
  }
  throw new Error("the server never listened");
}
