/** Files that are imported as text, so that they are inside the one binary. */
declare module "*.css" {
  const text: string;
  export default text;
}
