/**
 * Style and scripts, inside the program: bundled when it is loaded or built, gzipped once. Their
 * address carries what they are, so that browsers keep them until they change.
 */
import { hashHex } from "../gateway/crypto.ts";
import { bundledScripts } from "./client/bundle.ts" with { type: "macro" };
import call from "./style/call.css" with { type: "text" };
import forms from "./style/forms.css" with { type: "text" };
import layout from "./style/layout.css" with { type: "text" };
import parts from "./style/parts.css" with { type: "text" };
import phone from "./style/phone.css" with { type: "text" };
import roles from "./style/roles.css" with { type: "text" };
import tables from "./style/tables.css" with { type: "text" };
import tokens from "./style/tokens.css" with { type: "text" };

export interface Asset {
  readonly type: string;
  readonly text: string;
  readonly gzipped: Uint8Array<ArrayBuffer>;
}

const MARK =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect width="24" height="24" rx="6" fill="#3450c8"/><g fill="none" stroke="#fff" stroke-width="1.8"><circle cx="8" cy="8" r="2.6"/><circle cx="16" cy="16" r="2.6"/><path d="M9.9 9.9c4 .3 3.9 3.9 4.2 4.2"/></g></svg>';

/** In the order the cascade wants. */
const style = [tokens, layout, parts, tables, forms, phone, call, roles].join("\n");
const scripts = bundledScripts();

function asset(type: string, text: string): Asset {
  return { type, text, gzipped: Bun.gzipSync(text) };
}

export const assets: ReadonlyMap<string, Asset> = new Map([
  ["style.css", asset("text/css; charset=utf-8", style)],
  ["mark.svg", asset("image/svg+xml", MARK)],
  ...Object.entries(scripts).map(
    ([name, text]) => [name, asset("text/javascript; charset=utf-8", text)] as const,
  ),
]);

const version = hashHex("sha256", [...assets.values()].map(({ text }) => text).join("\n")).slice(
  0,
  12,
);

/** Where it is served; an error for what there is not, which is our mistake. */
export function assetPath(name: string): string {
  if (!assets.has(name)) throw new Error(`there is no asset ${name}`);
  return `/assets/${version}/${name}`;
}
