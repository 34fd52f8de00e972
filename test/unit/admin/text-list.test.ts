import { expect, test } from "bun:test";
import { textList } from "../../../admin/text-list.ts";

test("AMB-15: a list is taken by newline, comma, space or semicolon", () => {
  for (const between of ["\n", "\r\n", ",", ", ", " ", ";", " ;\n"]) {
    expect(textList(` 192.0.2.7${between}192.0.2.8${between}`)).toEqual(["192.0.2.7", "192.0.2.8"]);
  }
  expect(textList(" \n")).toEqual([]);
});
