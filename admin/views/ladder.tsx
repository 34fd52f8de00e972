/** @jsxImportSource hono/jsx */
/**
 * The ladder of a call: a lane for each party, an arrow for each message, which opens to its text.
 * Without a script: each message is a `details`. Lanes and arrows are placed by class alone.
 */
import type { CallTrace } from "../../gateway/b2bua/call-trace.ts";
import { ladderOf } from "../evidence/ladder.ts";

/** What the style sheet has places for: a call that rings more is cut in the picture alone. */
const LANES_MAX = 8;

export function Ladder({ trace }: { trace: CallTrace }) {
  const { columns, rows, omitted } = ladderOf(trace);
  const lanes = Math.min(columns.length, LANES_MAX);
  const shown = rows.filter(({ from, to }) => from < lanes && to < lanes);
  const hidden = rows.length - shown.length;
  return (
    <div class={`ladder lanes-${lanes}`}>
      <div class="heads" aria-hidden="true">
        <span class="when">s</span>
        <div class="lane">
          {columns.slice(0, lanes).map(({ name, place }, index) => (
            <span class={`party at-${index}`}>
              <strong>{name}</strong>
              <span>{place}</span>
            </span>
          ))}
        </div>
      </div>
      <ol>
        {shown.map((row) => (
          <li>
            <details>
              <summary>
                <span class="when">{(row.afterMs / 1_000).toFixed(3)}</span>
                <span class="unseen">
                  {columns[row.from]?.name} to {columns[row.to]?.name}:{" "}
                </span>
                <span class="lane">
                  {columns.slice(0, lanes).map((_, index) => (
                    <i class={`life at-${index}`} />
                  ))}
                  <span class={`arrow ${row.kind} ${wayOf(row)}`}>
                    <span class="label">
                      {row.label}
                      {row.hasSdp ? <em> SDP</em> : null}
                      {row.repeats > 0 ? <em> ×{row.repeats + 1}</em> : null}
                    </span>
                  </span>
                </span>
              </summary>
              <pre tabindex={0}>{trace.messages[row.message]?.text}</pre>
            </details>
          </li>
        ))}
      </ol>
      {hidden > 0 ? (
        <p class="soft">{hidden} messages of further devices are in the text.</p>
      ) : null}
      {omitted > 0 ? <p class="soft">{omitted} later messages were not kept.</p> : null}
    </div>
  );
}

/** From one lane's middle to another's, and which way its head points. */
function wayOf({ from, to }: { from: number; to: number }): string {
  const [left, right] = from < to ? [from, to] : [to, from];
  return `s-${left} e-${right} ${from < to ? "right" : "left"}`;
}
