/** The company the stories play in: two softphone users and one PBX, as a story wants them. */
import { expect } from "bun:test";
import { digestHa1 } from "../../gateway/sip/digest.ts";
import type { Config, ConnectionId, UserId } from "../../schema/config.ts";
import { House, type Weather } from "./house.ts";
import { PBX, type Stage, type Story } from "./story.ts";

const ha1Of = (name: string) => ({
  md5: digestHa1("MD5", name, "jackfield", `${name}-secret`),
  sha256: digestHa1("SHA-256", name, "jackfield", `${name}-secret`),
});

export function configOf({ forward, connection }: Story): Config {
  const user = (id: number, name: string) => ({
    id: id as UserId,
    name,
    displayName: name,
    enabled: true,
    ha1: ha1Of(name),
  });
  const bob = forward ? { ...user(2, "bob"), forward } : user(2, "bob");
  return {
    revision: 1,
    realm: "jackfield",
    users: [user(1, "alice"), bob],
    connections: [
      {
        id: 1 as ConnectionId,
        name: "PBX",
        type: "outbound-trunk",
        enabled: true,
        host: PBX,
        port: 5_060,
        transport: "udp",
        realm: "*",
        registrationExpires: 300,
        weight: 100,
        patterns: [{ pattern: "^2", strip: 0, prepend: "" }],
        allow: [`${PBX}/32`],
        codecs: ["G722", "PCMA"],
        inboundUser: 1 as UserId,
        allowInbound: true,
        allowOutbound: true,
        allowTransfer: true,
        followRedirects: true,
        ...connection,
      },
    ],
  };
}

/** The company at work: everybody registered, the connection up. */
export function stageOf(story: Story, seed: number, weather: Weather): Stage {
  const house = new House(seed, weather);
  const alice = house.softphone("alice");
  const bob = house.softphone("bob", { refusesUpdate: seed % 2 === 0 });
  const pbx = house.pbx("PBX", PBX);
  house.configure(configOf(story));
  for (const softphone of [alice, bob]) {
    house.connect(softphone);
    softphone.register();
  }
  house.pass(1_000);
  expect(alice.isRegistered && bob.isRegistered).toBe(true);
  return { house, alice, bob, pbx };
}
