import { expect, test } from "bun:test";
import type { AcmeStatus } from "../../../../gateway/b2bua/status.ts";
import type { WallMillis } from "../../../../gateway/machine.ts";
import { IDLE, openClient } from "../client.ts";

const PATH = "/api/v1/settings";

test("settings are there from the start, set, changed one by one, and handed to the gateway", async () => {
  const client = await openClient();
  const first = await client.asProgram("GET", PATH);
  expect([await first.json(), first.headers.get("etag")]).toEqual([{}, '"1"']);

  const body = { externalAddress: "192.0.2.7", localNetworks: ["192.168.1.9/24"] };
  const put = await client.asProgram("PUT", PATH, { body });
  const stored = { externalAddress: "192.0.2.7", localNetworks: ["192.168.1.0/24"] };
  expect([put.status, put.headers.get("etag"), await put.json()]).toEqual([200, '"2"', stored]);
  expect(client.gateway.applied.at(-1)?.settings).toEqual(stored);

  const patch = await client.asProgram("PATCH", PATH, {
    body: { externalAddress: null, numberPlan: { countryCode: "49", nationalPrefix: "0" } },
  });
  expect(await patch.json()).toEqual({
    localNetworks: ["192.168.1.0/24"],
    numberPlan: { countryCode: "49", nationalPrefix: "0" },
  });
  const late = { body, headers: { "If-Match": '"2"' } };
  expect((await client.asProgram("PUT", PATH, late)).status).toBe(412);
  await client.close();
});

test("what is no setting is refused field by field", async () => {
  const client = await openClient();
  const cases: [object, string][] = [
    [{ externalAddress: "pbx.example.com" }, "externalAddress"],
    [{ stunServers: ["stun.example.com", "stun:1.2.3.4"] }, "stunServers[1]"],
    [{ stunServers: ["stun.example.com:99999"] }, "stunServers[0]"],
    [{ localNetworks: ["192.168.1"] }, "localNetworks[0]"],
    [{ numberPlan: { countryCode: "+49" } }, "numberPlan.countryCode"],
    [{ numberPlan: { countryCode: "49", nationalPrefix: "x" } }, "numberPlan.nationalPrefix"],
    [{ emergencyNumbers: ["1"] }, "emergencyNumbers[0]"],
  ];
  for (const [body, path] of cases) {
    const response = await client.asProgram("PUT", PATH, { body });
    const { error } = (await response.json()) as { error: { problems: { path: string }[] } };
    expect([body, response.status, error.problems[0]?.path]).toEqual([body, 422, path]);
  }
  expect((await client.asProgram("PUT", PATH, { body: { colour: "red" } })).status).toBe(422);
  expect(client.gateway.applied).toEqual([]);
  await client.close();
});

test("what became of the order of our certificate stands on the page", async () => {
  const client = await openClient();
  const page = async (acme?: AcmeStatus) => {
    client.gateway.status = { ...IDLE, ...(acme ? { acme } : {}) };
    return (await client.asProgram("GET", "/settings")).text();
  };
  const names = ["phones.example.com"];
  const reason = "phones.example.com answered with <nothing>";
  const failed = { names, state: "failed", reason, nextAttempt: 60_000 as WallMillis } as const;
  expect(await page(failed)).toContain(
    "No certificate was issued for phones.example.com: phones.example.com answered with &lt;nothing&gt;. Port 80 of each name must lead here. It is tried again at 00:01 UTC.",
  );
  expect(await page({ names, state: "ordering" })).toContain("is being ordered");
  for (const quiet of [{ names, state: "valid" } as const, undefined]) {
    expect(await page(quiet)).not.toContain("phones.example.com");
  }
  await client.close();
});
