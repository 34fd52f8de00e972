/**
 * `npm run wasm`: compiles G.722 from AssemblyScript to `g722/build/g722.wasm`. A part of start,
 * build and test: it takes about a second, needs no network, and does nothing when the result is
 * newer than its sources. The sources end in `.as`, because tsc would take `.ts` for TypeScript.
 */
import { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import asc from "assemblyscript/asc";

const folder = join(import.meta.dir, "g722");
const output = join(folder, "build", "g722.wasm");
const sources = ["g722.as", "tables.as"].map((name) => join(folder, name));
/** Memory never grows: 512 KiB, which g722.as cuts into slots. */
const MEMORY_PAGES = "8";

function modifiedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** The compiler asks for `name.ts`, also in places of its own; ours are `name.as`. */
function readSource(name: string): string | null {
  const path = join(folder, name.replace(/\.ts$/, ".as"));
  return sources.includes(path) ? readFileSync(path, "utf8") : null;
}

/** Puts the result in place in one step: a test that starts meanwhile never sees half of it. */
function place(_name: string, contents: string | Uint8Array): void {
  const unfinished = `${output}.${process.pid}`;
  writeFileSync(unfinished, contents);
  renameSync(unfinished, output);
}

async function compile(): Promise<void> {
  const options = [
    ...["g722.ts", "--outFile", "g722.wasm", "--runtime", "stub", "--enable", "simd"],
    ...["--initialMemory", MEMORY_PAGES, "--maximumMemory", MEMORY_PAGES],
    ...["-O3", "--converge", "--noAssert"],
  ];
  const { error, stderr } = await asc.main(options, {
    readFile: readSource,
    writeFile: place,
    listFiles: () => [],
  });
  if (error) throw new Error(stderr.toString());
}

const newest = Math.max(modifiedAt(import.meta.path), ...sources.map(modifiedAt));
if (modifiedAt(output) <= newest) {
  mkdirSync(join(folder, "build"), { recursive: true });
  await compile();
  console.log(`g722.wasm, ${statSync(output).size} bytes`);
}
