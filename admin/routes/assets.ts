/** /assets: style and scripts, which browsers may keep for ever, for their address changes. */
import { Hono } from "hono";
import { assetPath, assets } from "../assets.ts";
import { refuse } from "../refusal.ts";
import type { AdminEnv } from "../services.ts";

export function assetFiles(): Hono<AdminEnv> {
  return new Hono<AdminEnv>().get("/assets/:version/:name", (context) => {
    const name = context.req.param("name");
    const asset = assets.get(name);
    if (!asset || context.req.path !== assetPath(name)) {
      return refuse(context, 404, "there is no such file: load the page again");
    }
    const { type, text, gzipped } = asset;
    const headers = {
      "Content-Type": type,
      "Cache-Control": "public, max-age=31536000, immutable",
      Vary: "Accept-Encoding",
    };
    const takesGzip = /\bgzip\b/.test(context.req.header("Accept-Encoding") ?? "");
    return takesGzip
      ? context.body(gzipped, 200, { ...headers, "Content-Encoding": "gzip" })
      : context.body(text, 200, headers);
  });
}
