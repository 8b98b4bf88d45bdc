/**
 * Puts the report's page, bundled, into dist/ (compiler/report/page-bundle.js), and bundles dist/ for browsers: `wsc.min.js`, the runtime, and `wsc-compiler.min.js`, which it fetches when a model is opened: the compiler as the text
 * of a worker's script, since a worker from a text needs no file that a bundler would have to find.
 */
import * as esbuild from "esbuild";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bundlePage } from "./bundle-page.mjs";

/** What is Node's only: bundles have nothing in its place. */
const nodeOnly = /\/(model-files|session-compiler)\.js$/;

/** Modules that a bundle leaves out, and those that it finds elsewhere. */
const modules = (leftOut, elsewhere) => ({
  name: "wsc",
  setup(build) {
    build.onResolve({ filter: /^\./ }, ({ path }) => {
      if (path in elsewhere) return { path: elsewhere[path], external: true };
      return leftOut.test(path) ? { path, namespace: "nothing" } : undefined;
    });
    build.onLoad({ filter: /.*/, namespace: "nothing" }, () => ({ contents: "export {};" }));
  },
});

const common = {
  bundle: true,
  minify: true,
  platform: "browser",
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
};

/** Writes the bundles of a built `dist` (a URL that ends with a slash); gives their names and bytes. */
export async function bundle(dist) {
  const file = (name) => new URL(name, dist);
  writeFileSync(
    file("compiler/report/page-bundle.js"),
    `const made = ${JSON.stringify(await bundlePage())};\nexport const pageBundle = () => Promise.resolve(made);\n`,
  );
  const { digestOfBytes } = await import(file("runtime/digest/digest.js").href);
  const worker = await esbuild.build({
    ...common,
    stdin: {
      contents: `import { serve } from "./compiler/session-worker.js"; serve(self);`,
      resolveDir: fileURLToPath(dist),
    },
    format: "iife",
    write: false,
    plugins: [modules(/\/model-files\.js$/, {})],
  });
  const [{ text }] = worker.outputFiles;
  writeFileSync(file("wsc-compiler.min.js"), `export const code = ${JSON.stringify(text)};\n`);
  const digest = digestOfBytes(new TextEncoder().encode(text));
  writeFileSync(file("runtime/browser/compiler-build.js"), `export const build = ${JSON.stringify(digest)};\n`);
  writeFileSync(file("runtime/browser/compiler-code.js"), `export { code } from "../../wsc-compiler.min.js";\n`);
  await esbuild.build({
    ...common,
    entryPoints: [fileURLToPath(file("runtime/index.js"))],
    format: "esm",
    outfile: fileURLToPath(file("wsc.min.js")),
    plugins: [modules(nodeOnly, { "./compiler-code.js": "./wsc-compiler.min.js" })],
  });
  return ["wsc.min.js", "wsc-compiler.min.js"].map((name) => ({ name, bytes: readFileSync(file(name)).byteLength }));
}
