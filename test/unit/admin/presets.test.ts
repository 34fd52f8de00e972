import { expect, test } from "bun:test";
import { PRESETS } from "../../../admin/presets.ts";
import { openClient } from "./client.ts";

const ANSWERS: Readonly<Record<string, unknown>> = {
  host: "pbx.example.com",
  username: "gateway",
  authId: "auth",
  password: "a secret of theirs",
  allow: ["192.0.2.7"],
};

test("CON-28, AMB-23: every preset, filled in, can be saved as it is, without a warning", async () => {
  const client = await openClient();
  expect(new Set(PRESETS.map(({ id }) => id)).size).toBe(PRESETS.length);
  for (const { id, name, fields, connection } of PRESETS) {
    const { patterns, ...rest } = connection;
    const given = fields.flatMap(({ name: field, required, value }) => {
      if (value !== undefined) return [[field, field === "allow" ? value.split(", ") : value]];
      return required === true ? [[field, ANSWERS[field]]] : [];
    });
    const body = {
      name,
      ...rest,
      patterns: patterns.map((pattern) => ({ pattern })),
      ...Object.fromEntries(given),
    };
    const response = await client.asProgram("POST", "/api/v1/connections/check", { body });
    expect([id, await response.json()]).toEqual([id, { problems: [], warnings: [] }]);
  }
  const twilio = PRESETS.find(({ id }) => id === "twilio");
  expect(twilio?.connection.type).toBe("outbound-trunk");
  expect(twilio?.fields.map(({ name }) => name)).toEqual(["host", "username", "password", "allow"]);
  expect((await client.store.load()).connections).toEqual([]);
  await client.close();
});
