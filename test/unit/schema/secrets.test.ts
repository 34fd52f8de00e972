import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OperatorError } from "../../../gateway/options.ts";
import { openSecrets } from "../../../schema/secrets.ts";

const directory = () => mkdtempSync(join(tmpdir(), "secrets-"));

test("what is sealed opens again, also after a restart; no two seals are alike", () => {
  const place = directory();
  const sealed = openSecrets(place, undefined).seal("grüße");
  const secrets = openSecrets(place, undefined);
  expect(secrets.open(sealed)).toBe("grüße");
  expect(secrets.seal("grüße")).not.toBe(sealed);
  expect(Buffer.from(sealed, "base64").includes("grüße")).toBe(false);
});

test("the key file is its owner's alone", () => {
  const place = directory();
  openSecrets(place, undefined);
  const file = join(place, "secret.key");
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, "utf8")).toMatch(/^[0-9a-f]{64}\n$/);
});

test("the environment's key wins, and must be one", () => {
  const place = directory();
  const sealed = openSecrets(place, "ab".repeat(32)).seal("x");
  expect(openSecrets(place, "AB".repeat(32)).open(sealed)).toBe("x");
  expect(() => openSecrets(place, "short")).toThrow("64 hexadecimal digits");
});

test("a lost key is told as such", () => {
  const place = directory();
  const sealed = openSecrets(place, undefined).seal("secret");
  rmSync(join(place, "secret.key"));
  expect(() => openSecrets(place, undefined).open(sealed)).toThrow("put the secret.key back");
  writeFileSync(join(place, "secret.key"), "no key");
  expect(() => openSecrets(place, undefined)).toThrow(OperatorError);
});

test("damaged text is never taken for a password", () => {
  const secrets = openSecrets(directory(), undefined);
  const bytes = Buffer.from(secrets.seal("secret"), "base64");
  for (let length = 0; length < bytes.length; length++) {
    const damaged = bytes.subarray(0, length).toString("base64");
    expect(() => secrets.open(damaged)).toThrow(OperatorError);
  }
  for (let index = 0; index < bytes.length; index++) {
    const damaged = Buffer.from(bytes);
    damaged[index] = (damaged[index] ?? 0) ^ 1;
    expect(() => secrets.open(damaged.toString("base64"))).toThrow(OperatorError);
  }
});
