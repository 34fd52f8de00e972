/** @jsxImportSource hono/jsx */
/** Who did what, newest first. Filled in by `client/pages/audit`. */
import { Page } from "./layout.tsx";
import { Card, Empty, Table } from "./parts.tsx";

const KINDS = [
  ["", "Everything"],
  ["kind=connection", "Connections"],
  ["kind=user", "Users"],
  ["kind=settings", "Settings"],
  ["kind=token", "API tokens"],
  ["action=log-in", "Log-ins"],
  ["action=log-in-failed", "Log-ins that failed"],
  ["action=ban", "Bans"],
] as const;

export function AuditPage() {
  return (
    <Page
      title="Audit"
      at="/audit"
      lead="Every change of the configuration, log-ins and bans: who, when and from where."
      script="audit"
    >
      <Card id="entries" title="Entries" padded={false}>
        <form class="filter" id="filter">
          <label>
            <span class="unseen">What about</span>
            <select name="about">
              {KINDS.map(([value, name]) => (
                <option value={value}>{name}</option>
              ))}
            </select>
          </label>
        </form>
        <Table
          id="entries"
          label="Entries"
          columns={["When", "Who", "What", { name: "Fields", as: "wide" }, { name: "", as: "end" }]}
        />
        <Empty id="entries" title="Nothing of that kind was done." />
        <div class="more">
          <button type="button" class="button" id="more" hidden>
            Older
          </button>
        </div>
      </Card>
    </Page>
  );
}
