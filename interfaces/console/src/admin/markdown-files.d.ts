// A Markdown file is imported as its text (esbuild's `with { type: "text" }`).
declare module "*.md" {
  const text: string;
  export default text;
}
