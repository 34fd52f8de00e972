/** What a gateway of our own needs for softphones that only register, and how they spread over it. */
import type { GatewayRig } from "../../test/rigs/gateway.ts";
import type { SwarmPlan } from "./protocol.ts";

/** One account has so many devices at most. */
const PER_USER = 10;
/** Connections of one address; the gateway takes 64. */
const PER_ADDRESS = 60;
/** Their names begin so; a number follows. */
export const USER = "phone";

/** `told` from 0 to 1. */
export async function makeAccounts(
  rig: GatewayRig,
  { softphones, password }: { softphones: number; password: string },
  told: (text: string, share: number) => void = () => {},
): Promise<void> {
  const users = Math.ceil(softphones / PER_USER);
  for (let index = 0; index < users; index++) {
    await rig.api("POST", "/users", { name: `${USER}${index}`, password });
    told(`making users: ${index + 1} of ${users}`, index / users);
  }
}

/** Where they register, as which accounts, and from which addresses. */
export function placesAt(
  rig: GatewayRig,
): Pick<SwarmPlan, "server" | "user" | "perUser" | "perAddress" | "insecure"> {
  const spread = { perUser: PER_USER, perAddress: PER_ADDRESS };
  return { server: rig.socketUrl, user: USER, ...spread, insecure: false };
}
