/**
 * The table of causes (X2, TST-05, TST-06, TST-07): of each group the first row that applies counts,
 * so a row that says less stands after those that say more. The most telling group comes first.
 */
import type { Connection } from "../../schema/config.ts";
import type { CallTrace } from "./call-trace.ts";
import type { Cause } from "./cause.ts";
import { NEGOTIATION, REFUSALS } from "./causes-at-callee.ts";
import { ADMISSION, CREDENTIALS, REACHING, ROUTING } from "./causes-before.ts";
import { ENDINGS, MEDIA, QUALITY } from "./causes-in-call.ts";
import { evidenceOf } from "./evidence.ts";
import { type Sight, sightOf } from "./sight.ts";
import type { CallRecord, CallStatus, Finding } from "./status.ts";

const GROUPS: readonly (readonly Cause[])[] = [
  ADMISSION,
  ROUTING,
  CREDENTIALS,
  REACHING,
  NEGOTIATION,
  MEDIA,
  REFUSALS,
  // How it sounded may have several faults at once.
  ...QUALITY.map((cause) => [cause]),
  ENDINGS,
];

/** Every row there is. */
export const CAUSES: readonly Cause[] = GROUPS.flat();

/** Findings that are told: the main one, and what else is worth knowing. */
const FINDINGS_MAX = 3;
const ORDER = { fault: 0, fine: 1, note: 2 };
/** How a call ended says nothing new beside a fault. */
const PLAIN = new Set(["hung-up", "other", "refused-otherwise"]);

/** Why the call went as it did, the most telling first. A running call may have none. */
export function findingsOf(
  call: CallStatus | CallRecord,
  trace: CallTrace | undefined,
  connections: readonly Connection[],
): Finding[] {
  const sight = sightOf(evidenceOf(call, trace, connections));
  const findings = GROUPS.flatMap((group): Finding[] => {
    const cause = group.find(({ when }) => when(sight));
    if (!cause) return [];
    const { advice, weight = "fault" } = cause;
    const suggestion = typeof advice === "string" ? advice : advice(sight);
    const told = { cause: cause.cause, sentence: cause.says(sight), suggestion, weight };
    return [{ ...told, ...fieldOf(sight, cause) }];
  });
  const isTelling = ({ cause, weight }: Finding) => !PLAIN.has(cause) && weight !== "note";
  const kept = findings.some(isTelling)
    ? findings.filter(({ cause }) => !PLAIN.has(cause))
    : findings;
  return kept.sort((a, b) => ORDER[a.weight] - ORDER[b.weight]).slice(0, FINDINGS_MAX);
}

/** The one there is will be the one that is meant. */
function fieldOf(sight: Sight, { field: path, at }: Cause): Pick<Finding, "field"> {
  const { connection, connections } = sight;
  const only = connections.length === 1 ? connections[0] : undefined;
  const mended = at?.(sight) ?? connection ?? only;
  return mended && path !== undefined ? { field: { connection: mended.id, path } } : {};
}
