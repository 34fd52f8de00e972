/**
 * Addresses that lost what stood between them (AMB-15): 192.168.1.10192.168.1.11 is no address, and
 * most likely two. What is a guess is for people to confirm.
 */
const RUN = /^[0-9]{1,3}(?:\.[0-9]{1,6}){6,60}$/;
const OCTET = /^(?:0|[1-9][0-9]{0,2})$/;

/** The addresses it was, as far as there is one likely reading; undefined where there is none. */
export function apart(text: string): string[] | undefined {
  const parts = text.split(".");
  if (!RUN.test(text) || parts.length % 3 !== 1) return undefined;
  const network = parts[0] ?? "";
  const addresses: string[] = [];
  let first = network;
  for (let at = 1; at + 2 < parts.length; at += 3) {
    const joint = parts[at + 2] ?? "";
    const isLast = at + 3 === parts.length;
    const cut = isLast ? joint.length : cutOf(joint, network);
    if (cut === undefined) return undefined;
    const address = [first, parts[at] ?? "", parts[at + 1] ?? "", joint.slice(0, cut)];
    if (!address.every(isOctet)) return undefined;
    addresses.push(address.join("."));
    first = joint.slice(cut);
  }
  return addresses;
}

/** Where the last number of one address ends: before the same network, else where it alone can. */
function cutOf(joint: string, network: string): number | undefined {
  const cuts = [1, 2, 3].filter((cut) => isOctet(joint.slice(0, cut)) && isOctet(joint.slice(cut)));
  const likely = cuts.filter((cut) => joint.slice(cut) === network);
  const [only, another] = likely.length > 0 ? likely : cuts;
  return another === undefined ? only : undefined;
}

function isOctet(text: string): boolean {
  return OCTET.test(text) && Number(text) <= 255;
}
