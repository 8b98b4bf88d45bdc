/**
 * `npm run site [FOLDER]`: the page without installation, as static files in out/site or the folder that is named, with their sizes. What the page's worker would
 * need of Node has nothing in its place; a static import of a module of Node's ends the build.
 */
import * as esbuild from "esbuild";
import { copyFileSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { bundlePage } from "./bundle-page.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));
const site = path.join(root, "compiler/site");
const require = createRequire(import.meta.url);

/** Read from files only: a page has none. */
const filesOnly = /\/(model-files|load|tune|wasm-bench|tuning-file)\.ts$/;

/** What stands in the place of some modules. */
const standIns = (report) => ({
  // GPL, and an optional part of an installation: HiGHS solves what it would have
  "./glpk.ts": "export const loadGlpk = () => Promise.resolve(null);",
  // the page's worker is one that compiles: parts of models that are compiled while they run are compiled in it
  "./browser/worker-compiler.ts": `export { modelCompiler as workerCompiler } from ${JSON.stringify(path.join(root, "compiler/session-compiler.ts"))};`,
  "./page-bundle.ts": `const made = ${JSON.stringify(report)};\nexport const pageBundle = () => Promise.resolve(made);`,
});

const replaceModules = (contents) => ({
  name: "site",
  setup(build) {
    build.onResolve({ filter: /^\./ }, ({ path: specifier }) => {
      if (specifier in contents) return { path: specifier, namespace: "stand-in" };
      return filesOnly.test(specifier) ? { path: specifier, namespace: "nothing" } : undefined;
    });
    build.onLoad({ filter: /.*/, namespace: "stand-in" }, ({ path: specifier }) => ({
      contents: contents[specifier],
      resolveDir: root,
    }));
    build.onLoad({ filter: /.*/, namespace: "nothing" }, () => ({ contents: "export {};" }));
  },
});

/** Files that go as they are, by their name in the site. */
const copied = () => ({
  "index.html": path.join(site, "page/index.html"),
  "highs.wasm": path.join(path.dirname(require.resolve("highs")), "highs.wasm"),
  "digits.onnx": path.join(root, "examples/digits/digits.onnx"),
  "transformer.onnx": path.join(root, "examples/transformer/transformer.onnx"),
});

/** Throws where a script needs a module of Node's to start. */
function refuseNodeImports(outputs) {
  for (const [file, { imports }] of Object.entries(outputs)) {
    const needed = imports.find(({ external, kind }) => external && kind === "import-statement");
    if (needed !== undefined) throw new Error(`${file} imports ${needed.path}, which no browser has`);
  }
}

/** Builds the page into a folder, replacing the files of its own that are there; gives their names and bytes. */
export async function buildSite(folder) {
  const { metafile, outputFiles } = await esbuild.build({
    entryPoints: [
      { in: path.join(site, "page/main.tsx"), out: "page" },
      { in: path.join(site, "page/style.css"), out: "style" },
      { in: path.join(site, "worker/worker.ts"), out: "worker" },
    ],
    bundle: true,
    minify: true,
    metafile: true,
    write: false,
    outdir: folder,
    format: "esm",
    platform: "browser",
    target: "es2022",
    jsx: "automatic",
    jsxImportSource: "preact",
    legalComments: "none",
    logLevel: "warning",
    external: ["node:*"],
    plugins: [replaceModules(standIns(await bundlePage()))],
  });
  refuseNodeImports(metafile.outputs);
  mkdirSync(folder, { recursive: true });
  for (const { path: file, contents } of outputFiles) writeFileSync(file, contents);
  for (const [name, file] of Object.entries(copied())) copyFileSync(file, path.join(folder, name));
  const names = [...outputFiles.map(({ path: file }) => path.basename(file)), ...Object.keys(copied())];
  return names.sort().map((name) => ({ name, bytes: statSync(path.join(folder, name)).size }));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = path.resolve(process.argv[2] ?? path.join(root, "out/site"));
  const files = await buildSite(folder);
  for (const { name, bytes } of files)
    process.stdout.write(`${name.padEnd(18)} ${(bytes / 1024).toFixed(0).padStart(6)} KiB\n`);
  process.stdout.write(`${folder}: files for any web server, such as npx vite preview --outDir ${folder}\n`);
}
