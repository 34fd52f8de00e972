/** What is put under load: our gateway, rtpengine, or somebody's gateway at a URL. */
import { freePort } from "../../test/rigs/free-port.ts";
import { GatewayRig } from "../../test/rigs/gateway.ts";
import { LOAD_CODECS, type LoadCodec } from "./codecs.ts";
import type { CodecOptions, TargetOptions } from "./options.ts";
import type { PathDescription } from "./path.ts";
import { RtpengineProcess } from "./rtpengine-process.ts";

export interface Target {
  readonly name: string;
  /** Where its process is on this machine; undefined where it is elsewhere. */
  readonly pid: number | undefined;
  readonly path: PathDescription;
  /** Of a gateway of our own: its API and what it tells. */
  readonly rig?: GatewayRig;
  stop(): Promise<void>;
}

export interface Codecs {
  readonly softphone: LoadCodec;
  readonly pbx: LoadCodec;
}

const HOST = "127.0.0.1";
const PREFIX = "2";
const PASSWORD = "load-password";
const RTPENGINE_PORTS = { default: 40_000, tuned: 44_000 };

const RELAYED = {
  ...{ transport: "tls", tls: { verify: "off" }, transcoding: false },
  ...{ mediaEncryption: "dtls", encryptionOptional: false },
};

export interface GatewayOptions {
  readonly workers: number;
  readonly environment?: Record<string, string>;
  /** What starts it, where it isn't the source alone. */
  readonly command?: string[];
  /** DTLS-SRTP passed on undecrypted, which needs a PBX over TLS (MED-01, AMB-07). */
  readonly relay?: boolean;
  /** How keys go to the PBX. */
  readonly dtmfMode?: "rfc2833" | "info" | "inband";
}

/** The gateway of this repository, with a trunk to the bench's PBX. */
export async function startGateway({ pbx }: Codecs, options: GatewayOptions): Promise<Target> {
  const pbxPort = await freePort();
  const rig = await GatewayRig.start({
    rtpPorts: "34000-37999",
    workers: options.workers,
    ...(options.environment ? { environment: options.environment } : {}),
    ...(options.command ? { command: options.command } : {}),
  });
  await rig.api("POST", "/users", { name: "load", password: PASSWORD });
  await rig.api("POST", "/connections", {
    name: "PBX",
    type: "outbound-trunk",
    host: HOST,
    port: pbxPort,
    patterns: [{ pattern: `^${PREFIX}\\d{5}$` }],
    allow: [HOST],
    codecs: [pbx.name],
    ...(options.relay ? RELAYED : {}),
    ...(options.dtmfMode ? { dtmfMode: options.dtmfMode } : {}),
  });
  return {
    name: "jackfield",
    pid: rig.pid,
    rig,
    path: {
      kind: "sip",
      server: rig.socketUrl,
      user: "load",
      password: PASSWORD,
      pbxPort,
      pbxTransport: options.relay ? "tls" : "udp",
      isSealed: options.relay ?? false,
      address: HOST,
      prefix: PREFIX,
    },
    stop: async () => void (await rig.stop()),
  };
}

export async function startRtpengine(
  { softphone, pbx }: Codecs,
  variant: "default" | "tuned",
): Promise<Target> {
  const controlPort = await freePort();
  const rtpengine = await RtpengineProcess.start({
    tuned: variant === "tuned",
    controlPort,
    rtpPort: RTPENGINE_PORTS[variant],
  });
  return {
    name: variant === "tuned" ? "rtpengine tuned" : "rtpengine",
    pid: rtpengine.pid,
    path: {
      kind: "rtpengine",
      controlPort,
      transcode: softphone.name === pbx.name ? undefined : pbx.name,
    },
    stop: () => rtpengine.stop(),
  };
}

/** Any gateway with SIP over WebSocket whose trunk leads to this machine. */
export function remoteGateway(server: string, options: TargetOptions): Target {
  const { user, password, prefix, pbx, insecure = false, pid } = options;
  const account = { server, user, password, prefix, insecure };
  const { host: address, port: pbxPort } = pbx;
  const path: PathDescription = { kind: "sip", ...account, address, pbxPort, pbxTransport: "udp" };
  return { name: server, pid, path, stop: async () => {} };
}

/** Opens what the options name, the judged one first, and ends it again whatever happens. */
export async function withOpenTargets<Result>(
  options: TargetOptions & CodecOptions,
  work: (targets: readonly Target[]) => Promise<Result>,
  own: Omit<GatewayOptions, "workers"> = {},
): Promise<Result> {
  const codecs = { softphone: options.codec, pbx: options.pbxCodec };
  const targets: Target[] = [];
  const stop = () => Promise.all(targets.map((target) => target.stop()));
  const interrupted = () => void stop().finally(() => process.exit(130));
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  try {
    targets.push(
      options.target === undefined
        ? await startGateway(codecs, { ...own, workers: options.workers })
        : remoteGateway(options.target, options),
    );
    if (options.compare === "rtpengine") {
      if (!RtpengineProcess.isInstalled()) {
        throw new Error("rtpengine is not installed: apt-get install rtpengine-daemon");
      }
      targets.push(await startRtpengine(codecs, "default"));
      if (canBeTuned(codecs)) targets.push(await startRtpengine(codecs, "tuned"));
    }
    return await work(targets);
  } finally {
    process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
    await stop();
  }
}

/** Only rtpengine's Opus encoder can be. */
function canBeTuned({ softphone, pbx }: Codecs): boolean {
  return softphone.name !== pbx.name && softphone === LOAD_CODECS.opus;
}
