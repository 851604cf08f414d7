// `npm run build` writes the page to dist/; `npm start -- TOKEN` serves it, and rebuilds on changes.
import { context } from "esbuild";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  options: { serve: { type: "boolean", default: false }, port: { type: "string", default: "3000" } },
  allowPositionals: true,
});
const page = await context({
  absWorkingDir: import.meta.dirname,
  entryPoints: ["src/index.html", "src/style.css", "src/page.ts"],
  outdir: "dist",
  bundle: true,
  minify: !values.serve,
  format: "esm",
  target: "es2023",
  loader: { ".html": "copy" },
  // In an app of your own: `npm install easeboard-client`, and leave these two lines out.
  alias: { "easeboard-client": "../../interfaces/http/typescript/client.ts" },
  nodePaths: ["node_modules"],
});
if (values.serve) {
  const { port } = await page.serve({ host: "127.0.0.1", port: Number(values.port), servedir: "dist" });
  const token = positionals[0] ? `#token=${positionals[0]}` : "";
  console.log(`Open http://127.0.0.1:${port}/${token}`);
} else {
  await page.rebuild();
  await page.dispose();
}
