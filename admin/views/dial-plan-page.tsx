/** @jsxImportSource hono/jsx */
/** The dial plan, and what would happen if somebody dialled a number (RTE-16). */
import type { Config } from "../../schema/config.ts";
import { dialPlanOf, type PlannedPattern } from "../../schema/dial-patterns.ts";
import { Page } from "./layout.tsx";
import { Badge, ButtonLink, Card, Empty, Table } from "./parts.tsx";

export function DialPlanPage({ config }: { config: Config }) {
  const plan = dialPlanOf(config.connections);
  return (
    <Page
      title="Dial plan"
      at="/dial-plan"
      lead="Which way a number goes: of the patterns that match, the one of least weight takes the call."
      script="dial-plan"
    >
      <Question users={config.users.map(({ name }) => name)} />
      <Card title="Patterns, in the order they are asked" note={aloneNote(plan)} padded={false}>
        {plan.length === 0 ? (
          <Empty title="No pattern yet">
            A connection says which numbers go there.
            <br />
            <ButtonLink href="/connections/new" primary>
              Add a connection
            </ButtonLink>
          </Empty>
        ) : (
          <Table id="plan" label="Patterns" columns={COLUMNS}>
            {plan.map((it) => (
              <PatternRow planned={it} />
            ))}
          </Table>
        )}
      </Card>
    </Page>
  );
}

/** OPS-09: where nobody stands in for a connection, a call that fails there has failed. */
function aloneNote(plan: readonly PlannedPattern[]): string | undefined {
  const names = new Set(plan.flatMap((it) => (it.isAlone ? [it.connection.name] : [])));
  if (names.size === 0) return undefined;
  return `Nothing stands in when one of these is down: ${[...names].join(", ")}. A failover group, or a further host, would.`;
}

const COLUMNS = [
  "Connection",
  { name: "Weight", as: "number" },
  "Pattern",
  "Sent as",
  "Group",
  { name: "State", as: "wide" },
] as const;

function PatternRow({
  planned: { connection, pattern, unreachable },
}: {
  planned: PlannedPattern;
}) {
  const { id, name, weight, failoverGroup } = connection;
  const { strip, prepend } = pattern;
  const changes = [
    strip > 0 ? `without the first ${strip}` : undefined,
    prepend === "" ? undefined : `${prepend} in front`,
  ].filter((it) => it !== undefined);
  return (
    <tr class={unreachable ? "quiet-row" : ""}>
      <td data-label="Connection">
        <a href={`/connections/${id}`}>{name}</a>
      </td>
      <td data-label="Weight" class="number">
        {weight}
      </td>
      <td data-label="Pattern">
        <div>
          <code class="tag">{pattern.pattern}</code>
          {pattern.comment === undefined ? null : <span class="note">{pattern.comment}</span>}
        </div>
      </td>
      <td data-label="Sent as">{changes.length > 0 ? changes.join(", ") : "as dialled"}</td>
      <td data-label="Group">{failoverGroup?.name ?? "–"}</td>
      <td data-label="State" class="wide">
        <div>
          {unreachable ? (
            <Badge tone="warn">Never reached</Badge>
          ) : (
            <Badge tone="good">Asked</Badge>
          )}
          {unreachable ? <span class="note">{unreachable}</span> : null}
        </div>
      </td>
    </tr>
  );
}

function Question({ users }: { users: readonly string[] }) {
  return (
    <Card title="What would happen if …">
      <form class="inline-form" id="question">
        <label class="field">
          <span class="label">Who</span>
          <select name="user" required>
            {users.map((name) => (
              <option value={name}>{name}</option>
            ))}
          </select>
        </label>
        <label class="field">
          <span class="label">dialled</span>
          <input
            name="number"
            required
            autocomplete="off"
            inputmode="tel"
            placeholder="0301234567"
          />
        </label>
        <label class="field">
          <span class="label">at (empty: now)</span>
          <input name="at" type="datetime-local" />
        </label>
        <button type="submit" class="button primary">
          Ask
        </button>
      </form>
      <div id="answer" role="status" />
    </Card>
  );
}
