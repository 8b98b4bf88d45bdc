/**
 * A project that uses Vite's plugin: `node plugin-app.mjs build PROJECT` builds it to PROJECT/built, `node plugin-app.mjs serve PROJECT` prints the address
 * of a dev server and serves until its stdin ends.
 */
import path from "node:path";
import { build, createServer } from "vite";
import { wsc } from "wsc/vite";

const [mode, project] = process.argv.slice(2);

const common = {
  configFile: false,
  root: project,
  base: mode === "build" ? "./" : "/",
  logLevel: "warn",
  plugins: [wsc({ fuse: false, types: true })],
  resolve: { preserveSymlinks: true },
};

if (mode === "build") await build({ ...common, build: { outDir: path.join(project, "built") } });
else {
  const server = await createServer({ ...common, server: { host: "127.0.0.1", port: 0, strictPort: false } });
  await server.listen();
  process.stdout.write(`${server.resolvedUrls.local[0]}\n`);
  process.stdin.resume();
  process.stdin.on("end", () => server.close().then(() => process.exit(0)));
}
