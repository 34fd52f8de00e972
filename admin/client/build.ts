/**
 * Bundles the pages' scripts: each file of `pages/` is an entry, what they share becomes chunks.
 * Prints them as JSON, name to text. Run by `bundle.ts` while the gateway's own code is loaded or
 * built into the binary, so that there is no build step to forget.
 */
import { join } from "node:path";
import { Glob } from "bun";

const pages = join(import.meta.dir, "pages");
const entrypoints = [...new Glob("*.ts").scanSync(pages)].sort().map((name) => join(pages, name));
const built = await Bun.build({
  entrypoints,
  target: "browser",
  splitting: true,
  minify: true,
  naming: { entry: "[name].js", chunk: "chunk-[hash].js" },
});
const scripts: Record<string, string> = {};
for (const output of built.outputs) {
  scripts[output.path.replace(/^.*\//, "")] = await output.text();
}
process.stdout.write(JSON.stringify(scripts));
