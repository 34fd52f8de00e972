/** What a call that was heard both ways says of its connection (TST-08). */
import type { Connection } from "../../schema/config.ts";
import { changedWords, type Way } from "../../schema/verification.ts";
import type { Services } from "../services.ts";

/** Of a connection that was changed while the call went on it says nothing. */
export async function countHeard(
  { store, operations }: Services,
  tested: Connection,
  way: Way,
  at: number,
): Promise<void> {
  const now = (await store.load()).connections.find(({ id }) => id === tested.id);
  if (now && changedWords(tested, now) === undefined) await operations.heard(tested.id, way, at);
}
