// Keeps the first page live: the status comes by /events, rows are rebuilt from text alone.

const STATES = {
  registered: "good",
  refreshing: "good",
  "not-applicable": "good",
  failed: "bad",
  "auth-failed": "bad",
  unreachable: "bad",
  registering: "warn",
  unregistering: "warn",
};

const WORDS = {
  "not-applicable": "trunk",
  "auth-failed": "refused",
  registered: "registered",
  refreshing: "registered",
};

const byId = (id) => document.getElementById(id);
const names = new Map();

function cell(text, className) {
  const element = document.createElement("td");
  element.textContent = text;
  if (className) element.className = className;
  return element;
}

function button(label, action) {
  const element = document.createElement("td");
  const control = document.createElement("button");
  control.type = "button";
  control.className = "quiet";
  control.textContent = label;
  control.addEventListener("click", action);
  element.append(control);
  return element;
}

function ago(time) {
  const seconds = Math.max(0, Math.round((Date.now() - time) / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400)
    return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d`;
}

function fill(id, items, rowOf) {
  const columns = [...byId(id).tHead.rows[0].cells].map(({ textContent }) => textContent);
  byId(id).tBodies[0].replaceChildren(
    ...items.map((item) => {
      const row = document.createElement("tr");
      row.append(...rowOf(item));
      // On a phone rows are cards, and each cell says itself what it is.
      [...row.cells].forEach((it, index) => {
        it.dataset.label = columns[index];
      });
      return row;
    }),
  );
  byId(`${id}-count`).textContent = items.length > 0 ? String(items.length) : "";
  byId(`${id}-empty`).hidden = items.length > 0;
  byId(id).closest(".scroll").hidden = items.length === 0;
}

function connectionStatus(connection) {
  const status = cell("", "wide");
  const state = document.createElement("span");
  state.className = `state ${STATES[connection.registration] ?? ""}`;
  state.textContent = WORDS[connection.registration] ?? connection.registration;
  const note = document.createElement("span");
  note.className = "note";
  note.textContent = connection.reason;
  const both = document.createElement("div");
  both.append(state, note);
  status.append(both);
  return status;
}

function show(status) {
  fill("connections", status.connections, (it) => [
    cell(it.name),
    connectionStatus(it),
    cell(ago(it.since)),
    cell(String(it.callsNow)),
    button("Delete", () => remove(`/api/v1/connections/${it.id}`, `Delete ${it.name}?`)),
  ]);
  fill("calls", status.calls, (it) => [
    cell(it.caller),
    cell(it.callee),
    cell(it.state),
    cell(it.codecs ? `${it.codecs.webrtc} ↔ ${it.codecs.trunk}` : "–"),
    cell(ago(it.answered ?? it.started)),
    button("Hang up", () => remove(`/api/v1/calls/${encodeURIComponent(it.id)}`)),
  ]);
  fill("softphones", status.bindings, (it) => [
    cell(names.get(it.user) ?? String(it.user)),
    cell(it.userAgent, "wide"),
    cell(it.remote),
    cell(ago(it.since)),
  ]);
  const calls = status.calls.length === 1 ? "1 call" : `${status.calls.length} calls`;
  const phones =
    status.bindings.length === 1 ? "1 softphone" : `${status.bindings.length} softphones`;
  byId("summary").textContent = `${calls} · ${phones}${status.draining ? " · shutting down" : ""}`;
}

async function remove(path, question) {
  if (question && !confirm(question)) return;
  const response = await fetch(path, { method: "DELETE" });
  if (response.ok || response.status === 404) return;
  const { error } = await response.json();
  alert([error.message, ...(error.problems ?? []).map(({ message }) => message)].join("\n"));
}

async function loadNames() {
  const response = await fetch("/api/v1/users");
  for (const user of await response.json()) names.set(user.id, user.name);
}

function bodyOf(form) {
  const body = {};
  for (const [name, value] of new FormData(form)) {
    if (value === "") continue;
    if (name === "pattern") body.patterns = [{ pattern: value }];
    else if (name === "allow") body.allow = value.split(/[\s,;]+/).filter(Boolean);
    else if (["port", "weight", "inboundUser"].includes(name)) body[name] = Number(value);
    else body[name] = value;
  }
  return body;
}

async function submit(event) {
  event.preventDefault();
  const form = event.currentTarget;
  const problem = form.querySelector(".problem");
  const response = await fetch(form.dataset.resource, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(bodyOf(form)),
  });
  if (response.ok) {
    location.reload();
    return;
  }
  const { error } = await response.json();
  const lines = (error.problems ?? []).map(({ path, message }) => `${path}: ${message}`);
  problem.textContent = lines.length > 0 ? lines.join("\n") : error.message;
  problem.hidden = false;
}

for (const form of document.querySelectorAll("form[data-resource]"))
  form.addEventListener("submit", submit);

let last;
await loadNames();
const events = new EventSource("/events");
events.addEventListener("status", async ({ data }) => {
  last = JSON.parse(data);
  show(last);
  if (last.bindings.every(({ user }) => names.has(user))) return;
  await loadNames();
  show(last);
});
events.addEventListener("error", () => {
  // Closed for good means refused: the log-in has ended.
  if (events.readyState === EventSource.CLOSED) location.assign("/login");
  byId("summary").textContent = "the gateway does not answer; trying again …";
});
// Times grow although nothing changes.
setInterval(() => last && show(last), 1000);
