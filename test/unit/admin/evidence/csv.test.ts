import { expect, test } from "bun:test";
import { recordsCsv } from "../../../../admin/evidence/csv.ts";
import type { CallRecord } from "../../../../gateway/b2bua/status.ts";
import type { ConnectionId } from "../../../../schema/config.ts";

const record: CallRecord = {
  id: "1",
  direction: "inbound",
  caller: "100",
  callee: "200",
  connection: 1 as ConnectionId,
  started: 0,
  answered: 1_000,
  ended: 61_000,
  status: 200,
  endedBy: "caller",
  reason: "hung up",
};

/** As RFC 4180 reads it. */
function cellsOf(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "",
  );
}

test("W6: no cell of a stranger's is a formula, and every cell is read back as it was", () => {
  const hostile = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    '=HYPERLINK("http://x")',
    'a"b,c',
  ];
  for (const text of hostile) {
    const csv = recordsCsv([{ ...record, caller: text, reason: text }], () => text);
    const line = csv.slice(csv.indexOf("\r\n") + 2, -2);
    const cells = cellsOf(line);
    expect(cells.length).toBe(17);
    for (const at of [2, 4, 11]) {
      expect(cells[at]?.replace(/^'/, "")).toBe(text);
      expect(cells[at]).not.toMatch(/^[=+\-@\t\r]/);
    }
  }
});

test("records are a line each, with times programs read", () => {
  const [head, first, rest] = recordsCsv([record], () => "Office").split("\r\n");
  expect(head?.split(",").length).toBe(17);
  expect(first).toContain("1,inbound,100,200,Office,1970-01-01T00:00:00.000Z");
  expect(first).toContain(",60,200,caller,hung up,");
  expect(rest).toBe("");
});
