/** A text as a QR code (ISO/IEC 18004), for a page to draw. */
import qrcode from "qrcode-generator";

export interface QrCode {
  /** Modules of a side, without the quiet zone of four around it. */
  readonly size: number;
  /** Of the dark ones, as the path of an SVG in which a module is one unit. */
  readonly path: string;
}

/** Throws for texts of more than about 2,300 bytes. */
export function qrCode(text: string): QrCode {
  // 0: the smallest that holds it; M: an eighth of it may be unreadable.
  const code = qrcode(0, "M");
  code.addData(text);
  code.make();
  const size = code.getModuleCount();
  const dark: string[] = [];
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      if (code.isDark(row, column)) dark.push(`M${column} ${row}h1v1h-1z`);
    }
  }
  return { size, path: dark.join("") };
}
