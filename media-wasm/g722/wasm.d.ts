/** What `import … with { type: "file" }` gives: the file's path, also inside the compiled binary. */
declare module "*.wasm" {
  const path: string;
  // biome-ignore lint/style/noDefaultExport: that is how Bun hands it out
  export default path;
}
