/** The quality of a call as rows and back: each party's audio, a row for each direction. */
import type { Insertable, Selectable } from "kysely";
import type { PartyQuality } from "../gateway/b2bua/status.ts";
import type { Tables } from "./tables.ts";

type Row = Selectable<Tables["call_quality"]>;

const DIRECTIONS = ["received", "sent"] as const;

export function rowsOf(
  call: string,
  parties: readonly PartyQuality[],
): Insertable<Tables["call_quality"]>[] {
  return parties.flatMap(({ party, kind, codec, roundTripMs, ...both }, leg) =>
    DIRECTIONS.flatMap((direction) => {
      const quality = both[direction];
      if (!quality) return [];
      return [
        {
          call,
          leg,
          party,
          kind,
          codec,
          round_trip_ms: roundTripMs ?? null,
          direction,
          basis: quality.basis,
          loss: quality.loss,
          loss_last: quality.lossNow,
          burst_ratio: quality.burstRatio,
          jitter_ms: quality.jitterMs,
          mos: quality.mos,
          mos_last: quality.mosNow,
          mos_worst: quality.mosWorst,
        },
      ];
    }),
  );
}

/** The rows of one call. */
export function qualityOf(rows: readonly Row[]): PartyQuality[] {
  const legs = new Map<number, PartyQuality>();
  for (const row of rows) {
    const { party, kind, codec, round_trip_ms: roundTripMs } = row;
    const known = legs.get(row.leg) ?? {
      party,
      kind,
      codec,
      ...(roundTripMs === null ? {} : { roundTripMs }),
    };
    const quality = {
      basis: row.basis,
      lossNow: row.loss_last,
      loss: row.loss,
      burstRatio: row.burst_ratio,
      jitterMs: row.jitter_ms,
      mosNow: row.mos_last,
      mos: row.mos,
      mosWorst: row.mos_worst,
    };
    legs.set(row.leg, { ...known, [row.direction]: quality });
  }
  return [...legs.values()];
}
