/** @jsxImportSource hono/jsx */
/** The first page: connections with their status, calls in progress, softphones; kept live. */
import type { Config } from "../../schema/config.ts";
import { Layout } from "./layout.tsx";

/** Rows are filled in by the page's script from /events, with text alone: nothing from SIP is HTML. */
export function HomePage({ config }: { config: Config }) {
  return (
    <Layout title="Gateway" script="/assets/home.js">
      <header>
        <strong>Jackfield</strong>
        <span id="summary" role="status">
          connecting …
        </span>
        <nav>
          <a href="/api">API</a>
          <form method="post" action="/logout">
            <button type="submit" class="quiet">
              Log out
            </button>
          </form>
        </nav>
      </header>
      <main>
        <Table
          id="connections"
          title="Connections"
          columns={["Name", "Status", "Since", "Calls", ""]}
          empty="No connection yet: add the PBX or carrier calls should go through."
        />
        <Table
          id="calls"
          title="Calls in progress"
          columns={["From", "To", "State", "Codecs", "Time", ""]}
          empty="No call right now."
        />
        <Table
          id="softphones"
          title="Softphones online"
          columns={["User", "Program", "Address", "Since"]}
          empty="No softphone is registered."
        />
        <section class="forms">
          <AddUser />
          <AddConnection users={config.users} />
        </section>
      </main>
    </Layout>
  );
}

function Table(props: { id: string; title: string; columns: string[]; empty: string }) {
  return (
    <section aria-labelledby={`${props.id}-title`}>
      <h2 id={`${props.id}-title`}>
        {props.title} <span class="count" id={`${props.id}-count`} />
      </h2>
      <div class="scroll">
        <table id={props.id}>
          <thead>
            <tr>
              {props.columns.map((column) => (
                <th scope="col">{column}</th>
              ))}
            </tr>
          </thead>
          <tbody />
        </table>
      </div>
      <p class="empty" id={`${props.id}-empty`} hidden>
        {props.empty}
      </p>
    </section>
  );
}

function AddUser() {
  return (
    <details>
      <summary>Add a user</summary>
      <form data-resource="/api/v1/users">
        <label>
          Name <input name="name" required maxlength={64} placeholder="alice" />
        </label>
        <label>
          Shown as <input name="displayName" maxlength={64} placeholder="Alice Ames" />
        </label>
        <label>
          Password for the softphone{" "}
          <input
            name="password"
            type="password"
            required
            minlength={8}
            autocomplete="new-password"
          />
        </label>
        <Problems />
        <button type="submit">Add</button>
      </form>
    </details>
  );
}

function AddConnection({ users }: { users: Config["users"] }) {
  return (
    <details>
      <summary>Add a connection</summary>
      <form data-resource="/api/v1/connections">
        <label>
          Name <input name="name" required maxlength={64} placeholder="Head office" />
        </label>
        <label>
          Type
          <select name="type">
            <option value="outbound-registration">Registers at the PBX</option>
            <option value="outbound-trunk">Trunk, by address</option>
          </select>
        </label>
        <label>
          Host <input name="host" required placeholder="pbx.example.com" />
        </label>
        <label>
          Port <input name="port" type="number" min={1} max={65535} placeholder="5060" />
        </label>
        <label>
          Transport
          <select name="transport">
            <option value="udp">UDP</option>
            <option value="tcp">TCP</option>
          </select>
        </label>
        <label>
          User name <input name="username" autocomplete="off" />
        </label>
        <label>
          Password <input name="password" type="password" autocomplete="new-password" />
        </label>
        <label>
          Dial pattern <input name="pattern" placeholder="^2\d{2}$" />
        </label>
        <label>
          Weight <input name="weight" type="number" min={0} max={65535} value="100" />
        </label>
        <label>
          Calls may come from <input name="allow" placeholder="192.0.2.7, 192.0.2.128/25" />
        </label>
        <label>
          Incoming calls ring
          <select name="inboundUser">
            <option value="">nobody</option>
            {users.map((user) => (
              <option value={String(user.id)}>{user.name}</option>
            ))}
          </select>
        </label>
        <Problems />
        <button type="submit">Add</button>
      </form>
    </details>
  );
}

function Problems() {
  return <p class="problem" role="alert" hidden />;
}
