// Compiles the sources to dist/, and bundles them for browsers, unless dist/ is newer than all of them: `npx wsc` in a clone makes npm run `prepare` once more.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const root = new URL("../", import.meta.url);
const stamp = new URL("dist/.built", root);
const modified = (url) => statSync(url, { throwIfNoEntry: false })?.mtimeMs ?? 0;

function newestSource() {
  let newest = Math.max(
    ...["package.json", "tsconfig.json", "tsconfig.build.json", "scripts/bundle.mjs", "scripts/bundle-page.mjs"].map(
      (file) => modified(new URL(file, root)),
    ),
  );
  for (const folder of ["ir", "runtime", "compiler"]) {
    for (const entry of readdirSync(new URL(folder, root), { recursive: true })) {
      newest = Math.max(newest, modified(new URL(`${folder}/${entry}`, root)));
    }
  }
  return newest;
}

/** What results of the compiler are kept under: another build, another digest. */
function digestOfScripts() {
  const dist = new URL("dist/", root);
  const hash = createHash("sha256");
  const scripts = readdirSync(dist, { recursive: true }).filter((file) => file.endsWith(".js"));
  for (const file of scripts.sort()) hash.update(file).update(readFileSync(new URL(file, dist)));
  return hash.digest("hex");
}

if (modified(stamp) <= newestSource()) {
  const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  const project = fileURLToPath(new URL("tsconfig.build.json", root));
  const { status } = spawnSync(process.execPath, [compiler, "-p", project], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
  chmodSync(new URL("dist/compiler/cli/main.js", root), 0o755);
  const { bundle } = await import("./bundle.mjs");
  for (const { name, bytes } of await bundle(new URL("dist/", root)))
    process.stderr.write(`dist/${name}: ${(bytes / 1024).toFixed(0)} KiB\n`);
  writeFileSync(new URL("dist/build-digest.txt", root), digestOfScripts());
  writeFileSync(stamp, "");
}
