/**
 * A small company for tests in a browser: the gateway in a process of its own, a PBX with three
 * numbers behind it, the users alice and bob, and a browser for their softphones.
 */
import { GatewayRig, type GatewayRigOptions } from "./gateway.ts";
import type { SoftphoneSettings } from "./page/softphone/softphone.ts";
import { Pbx, type PbxLine } from "./pbx.ts";
import type { SoftphonePage } from "./softphone-page.ts";
import { type ChromiumTab, type Library, Softphones } from "./softphones.ts";
import type { Tab } from "./tab.ts";

/** What each of them hums: none is a multiple of another, all pass through every codec. */
export const HUMS = {
  alice: 440,
  bob: 700,
  carol: 1_000,
  dave: 1_270,
  /** Whoever calls from the PBX. */
  caller: 1_530,
} as const;

/** At the PBX: carol (at any of ten numbers) and dave answer, 220 rings long, 230 is busy. */
export const CAROL = "210";
export const CAROLS = Array.from({ length: 10 }, (_, index) => `24${index}`);
export const DAVE = "211";
export const RINGS_LONG = "220";
export const BUSY = "230";

export class Company<Of extends Tab = ChromiumTab> {
  readonly gateway: GatewayRig;
  readonly pbx: Pbx;
  readonly softphones: Softphones<Of>;
  readonly #users: Record<string, number>;
  readonly #phones: SoftphonePage<Of>[] = [];

  private constructor(
    gateway: GatewayRig,
    pbx: Pbx,
    softphones: Softphones<Of>,
    users: Record<string, number>,
  ) {
    this.gateway = gateway;
    this.pbx = pbx;
    this.softphones = softphones;
    this.#users = users;
  }

  /** With a Chromium. */
  static async open(options: Pick<GatewayRigOptions, "clockFactor"> = {}): Promise<Company> {
    return Company.openWith(await Softphones.inChromium(), options);
  }

  static async openWith<Of extends Tab>(
    softphones: Softphones<Of>,
    options: Pick<GatewayRigOptions, "clockFactor"> = {},
  ): Promise<Company<Of>> {
    const pbx = await Pbx.start({
      [CAROL]: { frequencyHz: HUMS.carol },
      ...Object.fromEntries(CAROLS.map((number) => [number, { frequencyHz: HUMS.carol }])),
      [DAVE]: { frequencyHz: HUMS.dave, ringsForMs: 300 },
      [RINGS_LONG]: { frequencyHz: HUMS.dave, ringsForMs: 60_000 },
      [BUSY]: { frequencyHz: HUMS.dave, refuses: 486 },
    });
    const gateway = await GatewayRig.start({ ...options, origins: [softphones.origin] });
    const users: Record<string, number> = {};
    for (const name of ["alice", "bob"]) {
      const { id } = await gateway.api<{ id: number }>("POST", "/users", {
        name,
        password: passwordOf(name),
      });
      users[name] = id;
    }
    await gateway.api("POST", "/connections", {
      name: "PBX",
      type: "outbound-trunk",
      host: "127.0.0.1",
      port: pbx.port,
      patterns: [{ pattern: "^2\\d{2}$" }],
      codecs: ["PCMA"],
      allow: ["127.0.0.1"],
      inboundUser: users["alice"],
    });
    return new Company(gateway, pbx, softphones, users);
  }

  userId(name: string): number {
    return this.#users[name] ?? 0;
  }

  /** The port of its HTTP listener, where softphones connect. */
  get httpPort(): number {
    return Number(new URL(this.gateway.url).port);
  }

  settings(user: "alice" | "bob", more: Partial<SoftphoneSettings> = {}): SoftphoneSettings {
    const server = this.gateway.socketUrl;
    return { server, user, password: passwordOf(user), expires: 300, answers: false, ...more };
  }

  /** A registered softphone of that user, which hums that user's tone. */
  async softphone(
    library: Library,
    user: "alice" | "bob",
    more: Partial<SoftphoneSettings> = {},
  ): Promise<SoftphonePage<Of>> {
    const phone = await this.page(library, user);
    await phone.start(this.settings(user, more));
    return phone;
  }

  /** The same, not started yet. */
  async page(library: Library, user: "alice" | "bob"): Promise<SoftphonePage<Of>> {
    const phone = await this.softphones.phone(library, HUMS[user]);
    this.#phones.push(phone);
    return phone;
  }

  /** Calls a number of the PBX that answers; both ends of the call, once it is up. */
  async callOut(phone: SoftphonePage, number: string): Promise<{ line: PbxLine; at: number }> {
    const before = this.pbx.linesOf(number).length;
    const { lines } = await phone.act("state");
    await phone.act("call", number);
    await phone.untilLine(lines.length, "connected");
    return { line: await this.pbx.line(number, before), at: lines.length };
  }

  /** Ends what a test left behind: every call is hung up, every softphone's page closed. */
  async clear(): Promise<void> {
    await Promise.all(this.pbx.lines.map((line) => line.hangUp()));
    await Promise.all(this.#phones.splice(0).map(leave));
    await this.gateway.until("free of devices", ({ bindings }) => bindings.length === 0);
  }

  /** Waits until nothing is left of any call. */
  async free(): Promise<void> {
    await this.gateway.until("free of calls", ({ calls, workers }) => {
      return calls.length === 0 && workers.every(({ legs }) => legs === 0);
    });
  }

  async close(): Promise<void> {
    await this.softphones.close();
    this.pbx.stop();
    await this.gateway.stop();
  }
}

async function leave(phone: SoftphonePage): Promise<void> {
  try {
    const { lines } = await phone.act("state");
    for (const [index, { state }] of lines.entries()) {
      if (state !== "ended") await phone.act("hangUp", index);
    }
  } finally {
    await phone.close();
  }
}

function passwordOf(name: string): string {
  return `${name}-password`;
}
