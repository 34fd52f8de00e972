/**
 * `npm run build`: the one binary, `dist/jackfield`.
 *
 * The threads are entry points of their own. libSQL's native addon is chosen at run time by a name
 * made of platform and architecture, which a bundler can't follow and Bun then looks for in a
 * nearby node_modules; here the name becomes a literal, so that the addon is embedded.
 */
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");
const outfile = join(root, "dist", "jackfield");

/** The addon of this machine; the binary is for the platform it is built on. */
function addonPackage(): string {
  const { platform, arch } = process;
  if (platform === "linux") return `@libsql/linux-${arch}-gnu`;
  return `@libsql/${platform}-${arch}`;
}

const embedAddon: Bun.BunPlugin = {
  name: "embed-libsql-addon",
  setup(build) {
    build.onLoad({ filter: /node_modules\/libsql\/(?:index|promise)\.js$/ }, async ({ path }) => {
      const source = await Bun.file(path).text();
      const literal = `require("${addonPackage()}")`;
      const contents = source.replace(/require\(`@libsql\/\$\{target\}`\)/g, literal);
      if (contents === source) throw new Error(`${path} loads its addon in a way not known here`);
      return { contents, loader: "js" };
    });
  },
};

mkdirSync(join(root, "dist"), { recursive: true });
const result = await Bun.build({
  entrypoints: ["main.ts", "media/worker.ts", "phone/worker.ts", "database-worker.ts"].map(
    (program) => join(root, "gateway", program),
  ),
  // The workers are found beside the main program: `./media/worker` in both.
  root: join(root, "gateway"),
  target: "bun",
  minify: { whitespace: true, syntax: true },
  define: { "process.env.NODE_ENV": '"production"' },
  plugins: [embedAddon],
  compile: { outfile },
});
for (const message of result.logs) console.log(String(message));
if (!result.success) process.exit(1);
const megabytes = statSync(outfile).size / 1_048_576;
console.log(`dist/jackfield, ${megabytes.toFixed(0)} MB`);
