import { expect, test } from "bun:test";
import type { Status } from "../../../../gateway/b2bua/status.ts";
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

test("what the command line gives is not the settings' to change, and the page says so", async () => {
  const client = await openClient();
  const page = async (certificatesFrom: Status["certificatesFrom"]) => {
    client.gateway.status = { ...IDLE, certificatesFrom };
    return (await client.asProgram("GET", "/settings/certificate")).text();
  };
  expect(await page("command line")).toContain("is changed there");
  expect(await page("command line")).not.toContain('<form class="sheet"');
  expect(await page("settings")).toContain("acme.names");
  await client.close();
});

test("X17: a certificate is ordered or from files, never both, and each field says what is wrong", async () => {
  const client = await openClient();
  const names = ["phones.example.com"];
  const file = { certificate: "/etc/ssl/a.pem", key: "/etc/ssl/a.key" };
  const wrong: [object, string][] = [
    [{ acme: { names: [] } }, "acme.names"],
    [{ acme: { names: ["phones.example.com", "192.0.2.1"] } }, "acme.names[1]"],
    [{ acme: { names: ["Phones.example.com"] } }, "acme.names[0]"],
    [{ acme: { names, email: "nobody" } }, "acme.email"],
    [{ acme: { names, directory: "http://issuer.example/" } }, "acme.directory"],
    [{ acme: { names, directory: "https://me:secret@issuer.example/" } }, "acme.directory"],
    [{ certificateFiles: [{ ...file, key: "a.key" }] }, "certificateFiles[0].key"],
    [{ certificateFiles: [{ ...file, certificate: "/a\nb" }] }, "certificateFiles[0].certificate"],
    [{ acme: { names }, certificateFiles: [file] }, "certificateFiles"],
  ];
  for (const [body, path] of wrong) {
    const response = await client.asProgram("PUT", PATH, { body });
    const { error } = (await response.json()) as { error: { problems: { path: string }[] } };
    expect([body, response.status, error.problems[0]?.path]).toEqual([body, 422, path]);
  }
  for (const body of [{ acme: { names } }, { certificateFiles: [file] }]) {
    const put = await client.asProgram("PUT", PATH, { body });
    expect([put.status, await put.json()]).toEqual([200, body]);
  }
  await client.close();
});
