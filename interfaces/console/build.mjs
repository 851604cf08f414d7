// Builds the console: one script, one stylesheet, the page that names them, and the icon.
// Usage: node build.mjs [--outdir FOLDER]
import { build } from "esbuild";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";

const folder = import.meta.dirname;
const { values } = parseArgs({ options: { outdir: { type: "string", default: "dist" } } });
const outdir = resolve(folder, values.outdir);

await rm(outdir, { recursive: true, force: true });
await mkdir(outdir, { recursive: true });

const { metafile } = await build({
  absWorkingDir: folder,
  entryPoints: { app: "src/main.tsx", style: "src/styles/main.css" },
  entryNames: "[name]-[hash]",
  outdir,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2023",
  jsx: "automatic",
  jsxImportSource: "preact",
  // The typed client lies outside of this folder, and may have packages of its own: these decide.
  alias: { "openapi-fetch": join(folder, "node_modules", "openapi-fetch") },
  legalComments: "none",
  metafile: true,
  logLevel: "info",
});

const names = Object.keys(metafile.outputs).map((path) => basename(path));
const script = names.find((name) => /^app-.*\.js$/.test(name));
const style = names.find((name) => /^style-.*\.css$/.test(name));
const page = await readFile(join(folder, "src", "index.html"), "utf8");
await writeFile(
  join(outdir, "index.html"),
  page.replace("{script}", `/console/${script}`).replace("{style}", `/console/${style}`),
);
await copyFile(join(folder, "src", "favicon.svg"), join(outdir, "favicon.svg"));
