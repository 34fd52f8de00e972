/**
 * Runs when the code that imports it is transpiled (a Bun macro): what it returns is inlined. From
 * source that is at each start, in the binary it was at its build.
 */
export function bundledScripts(): Record<string, string> {
  // The bundler can't be called from within a macro: it is asked in a process of its own.
  const { success, stdout, stderr } = Bun.spawnSync([
    process.execPath,
    `${import.meta.dir}/build.ts`,
  ]);
  if (!success) throw new Error(`the pages' scripts can't be bundled: ${stderr.toString()}`);
  return JSON.parse(stdout.toString()) as Record<string, string>;
}
