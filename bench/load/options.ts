/** Options that commands share, so that all of them read alike. */
import { type Command, InvalidArgumentError } from "commander";
import { codecNamed, type LoadCodec } from "./codecs.ts";

export interface TargetOptions {
  workers: number;
  compare?: string;
  target?: string;
  insecure?: boolean;
  user: string;
  password: string;
  prefix: string;
  pbx: HostPort;
  pid?: number;
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface CodecOptions {
  codec: LoadCodec;
  pbxCodec: LoadCodec;
}

const PBX_PORT = 27_460;

export function withCodecs(command: Command, softphone: LoadCodec, pbx: LoadCodec): Command {
  return withCodec(command, softphone).option(
    "--pbx-codec <name>",
    "of the PBX: the same",
    codec,
    pbx,
  );
}

export function withCodec(command: Command, softphone: LoadCodec): Command {
  return command.option(
    "--codec <name>",
    "of the softphones: opus, G722, PCMA, PCMU",
    codec,
    softphone,
  );
}

export function withWorkers(command: Command): Command {
  return command.option("--workers <n>", "media workers of the gateway it starts", whole(1, 64), 1);
}

/** Whom: a gateway of our own with so many workers, or any at a URL. */
export function withTarget(command: Command): Command {
  return withWorkers(command)
    .option("--target <url>", "ws:// or wss:// of a gateway that runs already, instead")
    .option("--insecure", "don't look at the certificate of a wss:// target")
    .option("--user <name>", "account at --target", "load")
    .option("--password <text>", "its password", "load-password")
    .option("--prefix <digits>", "numbers that lead to the PBX begin so; five digits follow", "2")
    .option(
      "--pbx <host:port>",
      "where --target reaches this machine as its PBX, over UDP",
      hostPort,
      {
        host: "127.0.0.1",
        port: PBX_PORT,
      },
    )
    .option("--pid <n>", "process of --target, if it is on this machine", whole(1, 2 ** 22));
}

export function withTargets(command: Command): Command {
  return withTarget(command).option(
    "--compare <name>",
    "rtpengine, at its defaults and tuned, in the same run",
    oneOf("rtpengine"),
  );
}

export function withReports(command: Command): Command {
  return command
    .option("--json <file>", "write every figure there")
    .option("--html <file>", "write a page with plots there")
    .option("--budget <file>", "fail where a figure is beyond this file's");
}

export function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Write a whole number from ${min} to ${max}.`);
  };
}

export function oneOf<Name extends string>(...names: readonly Name[]): (text: string) => Name {
  return (text) => {
    const found = names.find((name) => name === text);
    if (found !== undefined) return found;
    throw new InvalidArgumentError(`Write ${names.join(", ").replace(/, ([^,]*)$/, " or $1")}.`);
  };
}

/** Several of them, with commas between. */
export function someOf<Name extends string>(...names: readonly Name[]): (text: string) => Name[] {
  return (text) => text.split(",").map(oneOf(...names));
}

function hostPort(text: string): HostPort {
  const [, host, port] = /^(?:udp:\/\/)?([^:/]+):(\d{1,5})$/.exec(text) ?? [];
  if (host !== undefined && Number(port) > 0 && Number(port) < 65_536) {
    return { host, port: Number(port) };
  }
  throw new InvalidArgumentError("Write host:port, such as 192.0.2.7:27460.");
}

function codec(text: string): LoadCodec {
  const found = codecNamed(text);
  if (!found) throw new InvalidArgumentError("Write opus, G722, PCMA or PCMU.");
  return found;
}
