/**
 * Further addresses of this machine that connections may use by name (CON-20, CON-21): for SIP, for
 * audio, or for both. The command line's address is the one without a name.
 */
import { parseAddress } from "../gateway/address.ts";
import type { NamedInterface } from "../gateway/own-place.ts";
import { checkPort, type Findings, problem } from "./findings.ts";

/** Of a connection, by name; absent: the command line's, and for audio the one its SIP goes by. */
export interface ChosenInterfaces {
  readonly interface?: string;
  readonly mediaInterface?: string;
}

const INTERFACES_MAX = 16;
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,30}[A-Za-z0-9])?$/;

export function checkInterfaces(
  interfaces: readonly NamedInterface[],
  path: string,
  findings: Findings,
): void {
  if (interfaces.length > INTERFACES_MAX) {
    problem(findings, path, `at most ${INTERFACES_MAX} are allowed`);
  }
  const names = new Set<string>();
  const places = new Set<string>();
  interfaces.forEach(({ name, address, externalAddress, sipPort }, index) => {
    const at = `${path}[${index}]`;
    if (!NAME.test(name)) {
      problem(findings, `${at}.name`, "1 to 32 letters, digits, space or . _ - are expected");
    }
    if (names.has(name)) problem(findings, `${at}.name`, `the name ${name} is taken`);
    names.add(name);
    if (!parseAddress(address) || /^[0:.]+$/.test(address)) {
      const message = "one IP address of this machine is expected, e.g. 192.0.2.10";
      problem(findings, `${at}.address`, message);
    }
    if (externalAddress !== undefined && !parseAddress(externalAddress)) {
      problem(findings, `${at}.externalAddress`, "an IP address is expected");
    }
    if (sipPort === undefined) return;
    checkPort(sipPort, `${at}.sipPort`, findings);
    const place = `${address} ${sipPort}`;
    if (places.has(place)) {
      problem(findings, `${at}.sipPort`, "another interface has this address and port");
    }
    places.add(place);
  });
}

/** That what a connection names is there, and can do what it is wanted for. */
export function checkChosen(
  chosen: ChosenInterfaces,
  interfaces: readonly NamedInterface[],
  path: string,
  findings: Findings,
): void {
  for (const field of ["interface", "mediaInterface"] as const) {
    const name = chosen[field];
    if (name === undefined) continue;
    const found = interfaces.find((it) => it.name === name);
    if (!found) {
      const message = `there is no interface ${name} in the settings: choose one that is there`;
      problem(findings, `${path}.${field}`, message);
    } else if (field === "interface" && found.sipPort === undefined) {
      const message = `the interface ${name} has no SIP port: it is for audio alone`;
      problem(findings, `${path}.${field}`, message);
    }
  }
}
