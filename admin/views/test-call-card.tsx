/** @jsxImportSource hono/jsx */
/** A real call by a saved connection (X3, TST-08), and by those that stand in for it (TST-09). */
import type { Connection } from "../../schema/config.ts";
import type { Verification } from "../../schema/verification.ts";
import { useMay } from "./page.tsx";
import { Badge } from "./parts.tsx";

export interface Tested {
  /** Since a test call passed; undefined where none has. */
  readonly daysAgo: number | undefined;
  readonly hasStandIn: boolean;
  readonly verification: Verification;
}

/** TST-09: what worked a month ago is worth another call. */
const REMIND_DAYS = 30;

export function TestCallCard(props: { connection: Connection; tested: Tested }) {
  const { connection, tested } = props;
  const mayCall = useMay("operator");
  return (
    <section
      class="card test"
      aria-labelledby="test-call-title"
      data-test-call={String(connection.id)}
    >
      <div class="head">
        <h2 id="test-call-title">
          Is it heard? <LastTime daysAgo={tested.daysAgo} />
        </h2>
        <div class="actions">
          <input
            id="test-number"
            type="text"
            class="mono"
            aria-label="Number to call"
            placeholder="*43"
            autocomplete="off"
          />
          <button type="button" class="button" id="test-call" disabled={!mayCall}>
            Call it
          </button>
          {tested.hasStandIn ? (
            <button type="button" class="button" id="test-drill" disabled={!mayCall}>
              As if it had failed
            </button>
          ) : null}
          <button type="button" class="button" id="received-call" disabled={!mayCall}>
            Wait for a call
          </button>
        </div>
        <p>
          A real call, as saved, from a softphone inside the gateway: it says tones and listens for
          them. An echo test (*43 on Asterisk, 9196 on FreeSWITCH) tells most. For the other way,
          let it wait, call one of the connection's numbers from outside within a minute, talk for
          ten seconds and hang up.
        </p>
        <p id="verified">
          <Verified {...tested.verification} />
        </p>
      </div>
      <ol class="trial" id="call-steps" aria-live="polite" />
    </section>
  );
}

function Verified({ placedAt, receivedAt, verifiedAt, voidBecause }: Verification) {
  if (verifiedAt !== undefined) {
    return <strong>{`Verified on ${dateOf(verifiedAt)}: heard both ways, out and in.`}</strong>;
  }
  if (placedAt !== undefined) {
    return (
      <>{`Not verified yet: a call out was heard on ${dateOf(placedAt)}, none that came in.`}</>
    );
  }
  if (receivedAt !== undefined) {
    return (
      <>{`Not verified yet: a call in was heard on ${dateOf(receivedAt)}, none that went out.`}</>
    );
  }
  if (voidBecause !== undefined) return <>{`Not verified any more: ${voidBecause}.`}</>;
  return <>Not verified yet: it is when a call out and one in were heard.</>;
}

function dateOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}

function LastTime({ daysAgo }: { daysAgo: number | undefined }) {
  if (daysAgo === undefined) return <Badge tone="idle">No test call has passed yet</Badge>;
  if (daysAgo >= REMIND_DAYS) {
    return <Badge tone="warn">{`Passed ${daysAgo} days ago: call again`}</Badge>;
  }
  const when = daysAgo === 0 ? "today" : daysAgo === 1 ? "yesterday" : `${daysAgo} days ago`;
  return <Badge tone="good">{`Passed ${when}`}</Badge>;
}
