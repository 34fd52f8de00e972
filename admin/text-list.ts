/** AMB-15: a list in one text, by newline, comma, space or semicolon. */
export function textList(text: string): string[] {
  return text.split(/[\s,;]+/).filter((it) => it !== "");
}
