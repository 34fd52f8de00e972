import { expect, test } from "bun:test";
import jsQR from "jsqr";
import { qrCode } from "../../../admin/qr-code.ts";

/** Drawn as a page draws it, with the quiet zone, and read by another's reader. */
function readBack({ size, path }: { size: number; path: string }): string | undefined {
  const [quiet, scale] = [4, 4];
  const side = (size + 2 * quiet) * scale;
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255);
  for (const [, column, row] of path.matchAll(/M(\d+) (\d+)h1v1h-1z/g)) {
    for (let y = 0; y < scale; y++) {
      for (let x = 0; x < scale; x++) {
        const at =
          ((Number(row) + quiet) * scale + y) * side + (Number(column) + quiet) * scale + x;
        pixels.fill(0, at * 4, at * 4 + 3);
      }
    }
  }
  return jsQR(pixels, side, side)?.data;
}

test("what is drawn reads as what was meant", () => {
  for (const text of ["https://phones.example.com/invitation/0123456789abcdef".repeat(2), "a"]) {
    expect(readBack(qrCode(text))).toBe(text);
  }
});
