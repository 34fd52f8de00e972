import { expect, test } from "bun:test";
import { openWithPassphrase, sealWithPassphrase, WrongPassphrase } from "../../../schema/sealed.ts";

test("SEC-11: a text comes back by its passphrase alone, and is another one each time", async () => {
  const sealed = await sealWithPassphrase("canary ☎", "correct horse battery");
  expect(JSON.stringify(sealed)).not.toContain("canary");
  expect(await openWithPassphrase(sealed, "correct horse battery")).toBe("canary ☎");
  expect((await sealWithPassphrase("canary ☎", "correct horse battery")).data).not.toBe(
    sealed.data,
  );
  for (const damaged of [
    { ...sealed, nonce: "AAAA" },
    { ...sealed, salt: "AAAAAAAAAAAAAAAAAAAAAA==" },
    { ...sealed, data: "" },
    // What would take our memory away is not even tried.
    { ...sealed, key: { ...sealed.key, n: 2 ** 30 } },
    { ...sealed, key: { ...sealed.key, n: 3 } },
  ]) {
    const opened = openWithPassphrase(damaged, "correct horse battery");
    expect(await opened.catch((error: Error) => error)).toBeInstanceOf(WrongPassphrase);
  }
  const wrong = openWithPassphrase(sealed, "correct horse batterz");
  expect(await wrong.catch((error: Error) => error)).toBeInstanceOf(WrongPassphrase);
});
