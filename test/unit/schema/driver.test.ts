import { expect, test } from "bun:test";
import { sql } from "kysely";
import { bindableValue, NulInText } from "../../../schema/driver.ts";
import { openStoreForTest } from "./opened.ts";

test("what would end the process inside the driver is bound as something it takes", async () => {
  const opened = await openStoreForTest();
  const bytes = Buffer.from([1, 0, 255]);
  // One parameter alone, and several: the driver's argument shuffling differs between the two.
  const alone = await sql<{ it: Uint8Array }>`select ${bytes} as it`.execute(opened.database);
  expect([...new Uint8Array(alone.rows[0]?.it ?? [])]).toEqual([1, 0, 255]);
  const several = await sql`select ${true} as a, ${false} as b, ${undefined} as c`.execute(
    opened.database,
  );
  expect(several.rows).toEqual([{ a: 1, b: 0, c: null }]);
  await opened.close();
});

test("a Buffer becomes a plain copy, other values stay", () => {
  const bytes = Buffer.from("abc");
  const bound = bindableValue(bytes);
  expect(bound).toBeInstanceOf(Uint8Array);
  expect(Buffer.isBuffer(bound)).toBe(false);
  expect([bindableValue("x"), bindableValue(7), bindableValue(null)]).toEqual(["x", 7, null]);
});

test("a text with a NUL is refused, not cut off", () => {
  expect(() => bindableValue("a\0b")).toThrow(NulInText);
});
