/** What `import … with { type: "file" }` gives: the file's path, also inside the compiled binary. */
declare module "*.wasm" {
  const path: string;
  export default path;
}
