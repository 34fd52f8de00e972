/** @jsxImportSource hono/jsx */
/** Backups of the database, and the configuration as a document: out, and in again (OPS-02, SEC-11). */
import { PASSPHRASE_LENGTH_MIN } from "../../schema/sealed.ts";
import { Card, Table, TableCard } from "./parts.tsx";
import { SettingsPage } from "./settings-page.tsx";

export function BackupPage() {
  return (
    <SettingsPage
      at="/settings/backup"
      lead="The database is backed up once a day, and seven backups are kept."
      script="backup"
    >
      <TableCard
        id="backups"
        title="Backups"
        note="In data/backups. With the gateway stopped, jackfield restore FILE puts one back; keep data/secret.key with them."
        actions={
          <button type="button" class="button" id="back-up">
            Back up now
          </button>
        }
        columns={["File", "Made", { name: "Size", as: "number" }]}
        empty="No backup yet"
      />
      <Export />
      <Import />
    </SettingsPage>
  );
}

function Export() {
  return (
    <Card
      title="Export"
      note="Users, connections and settings as one document, to keep or to take to another gateway."
    >
      <form id="export" class="fields">
        <div class="field">
          <label>
            <span class="label">Passphrase</span>
            <input
              type="password"
              name="passphrase"
              minlength={PASSPHRASE_LENGTH_MIN}
              autocomplete="new-password"
            />
          </label>
          <span class="note">Without one, passwords are left out</span>
        </div>
        <div class="field whole">
          <button type="submit" class="button">
            Export
          </button>
        </div>
      </form>
    </Card>
  );
}

function Import() {
  return (
    <Card title="Import" note="First it is told what the document would do; nothing is done yet.">
      <form id="import" class="fields">
        <div class="field">
          <label>
            <span class="label">Document</span>
            <input type="file" name="file" accept="application/json,.json" required />
          </label>
        </div>
        <div class="field">
          <label>
            <span class="label">Its passphrase</span>
            <input type="password" name="passphrase" autocomplete="off" />
          </label>
          <span class="note">Where it was exported with one</span>
        </div>
        <div class="field">
          <label>
            <span class="label">What is here and not in it</span>
            <select name="mode">
              <option value="merge">Stays</option>
              <option value="replace">Is deleted</option>
            </select>
          </label>
        </div>
        <div class="field whole">
          <button type="submit" class="button">
            What would it do?
          </button>
        </div>
      </form>
      <div id="trial" hidden>
        <Table id="changes" label="What it would do" columns={["", "What", "Name"]} />
        <p class="problem" id="import-problems" role="alert" hidden />
        <button type="button" class="button primary" id="apply">
          Do it
        </button>
      </div>
    </Card>
  );
}
