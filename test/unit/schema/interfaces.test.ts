import { expect, test } from "bun:test";
import type { NamedInterface } from "../../../gateway/own-place.ts";
import type { Findings } from "../../../schema/findings.ts";
import { checkChosen, checkInterfaces } from "../../../schema/interfaces.ts";

function pathsOf(check: (findings: Findings) => void): string[] {
  const findings: Findings = { problems: [], warnings: [] };
  check(findings);
  return findings.problems.map(({ path }) => path);
}

const found = (...interfaces: NamedInterface[]) =>
  pathsOf((findings) => checkInterfaces(interfaces, "interfaces", findings));
const carrier = { name: "carrier", address: "192.0.2.10", sipPort: 5_060 };

test("CON-20: one address of the machine, a name and a port of its own", () => {
  expect(found(carrier, { name: "audio", address: "2001:db8::1" })).toEqual([]);
  expect(found({ ...carrier, name: "" })).toEqual(["interfaces[0].name"]);
  expect(found({ ...carrier, name: "a\nb" })).toEqual(["interfaces[0].name"]);
  for (const address of ["0.0.0.0", "::", "eth0", "192.0.2.0/24"]) {
    expect([address, ...found({ ...carrier, address })]).toEqual([
      address,
      "interfaces[0].address",
    ]);
  }
  expect(found({ ...carrier, externalAddress: "pbx.example" })).toEqual([
    "interfaces[0].externalAddress",
  ]);
  expect(found({ ...carrier, sipPort: 70_000 })).toEqual(["interfaces[0].sipPort"]);
  expect(found(carrier, { ...carrier, name: "other" })).toEqual(["interfaces[1].sipPort"]);
  expect(found(carrier, { ...carrier, sipPort: 5_070 })).toEqual(["interfaces[1].name"]);
  const many = Array.from({ length: 17 }, (_, index) => ({
    ...{ name: `i${index}`, address: "192.0.2.1" },
  }));
  expect(found(...many)).toEqual(["interfaces"]);
});

test("CON-20, CON-21: what is chosen is there, and SIP has a port there", () => {
  const there = [carrier, { name: "audio", address: "192.0.2.11" }];
  const chosen = (names: { interface?: string; mediaInterface?: string }) =>
    pathsOf((findings) => checkChosen(names, there, "connection", findings));
  expect(chosen({})).toEqual([]);
  expect(chosen({ interface: "carrier", mediaInterface: "audio" })).toEqual([]);
  expect(chosen({ interface: "audio" })).toEqual(["connection.interface"]);
  expect(chosen({ interface: "Carrier", mediaInterface: "x" })).toEqual([
    "connection.interface",
    "connection.mediaInterface",
  ]);
});
