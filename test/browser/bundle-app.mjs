/**
 * Bundles a page's script as a user's project would, with no configuration but entry and output: `node bundle-app.mjs vite|esbuild|webpack PROJECT`.
 * PROJECT has index.html, app.js and wsc among its packages; the result lies in PROJECT/<tool>.
 */
import { copyFileSync } from "node:fs";
import path from "node:path";

const [tool, project] = process.argv.slice(2);
const out = path.join(project, tool);

const tools = {
  async vite() {
    const { build } = await import("vite");
    await build({ root: project, base: "./", logLevel: "warn", build: { outDir: out } });
  },
  async esbuild() {
    const { build } = await import("esbuild");
    const entryPoints = [path.join(project, "app.js")];
    await build({ entryPoints, bundle: true, format: "esm", splitting: true, outdir: out, logLevel: "warning" });
    copyFileSync(path.join(project, "index.html"), path.join(out, "index.html"));
  },
  async webpack() {
    const { default: webpack } = await import("webpack");
    const output = { path: out, filename: "app.js" };
    const compiler = webpack({ mode: "production", context: project, entry: "./app.js", output });
    const stats = await new Promise((done, failed) => {
      compiler.run((error, result) => (error ? failed(error) : done(result)));
    });
    const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
    const told = [...errors, ...warnings.filter(({ message }) => !/size limit|code splitting/.test(message))];
    if (told.length > 0) throw new Error(told.map(({ message }) => message).join("\n"));
    copyFileSync(path.join(project, "index.html"), path.join(out, "index.html"));
  },
};

await tools[tool]();
