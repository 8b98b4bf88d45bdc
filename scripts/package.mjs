// npm run package [-- FOLDER]: the tarball to publish, in FOLDER (default out/): what `npm pack` makes, under the name that the registry has free.
// Then: npm publish FOLDER/wafer-scale-wsc-VERSION.tgz --access public. Why two names: docs/projects.md.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const publishedName = "@wafer-scale/wsc";

const root = fileURLToPath(new URL("../", import.meta.url));

/** Packs a folder into another, without its scripts; gives the tarball's path. */
function pack(folder, destination) {
  const args = ["pack", folder, "--ignore-scripts", "--json", "--pack-destination", destination];
  const [packed] = JSON.parse(execFileSync("npm", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  return path.join(destination, packed.filename.replace(/^@/, "").replace("/", "-"));
}

/** Packs the project under the published name; it must be built. Gives the tarball's path. */
export function packPublished(destination) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "wsc-package-"));
  try {
    execFileSync("tar", ["-xzf", pack(root, folder), "-C", folder]);
    const file = path.join(folder, "package", "package.json");
    // what builds and tests the project in a clone is of no use to who installs it
    const { scripts: _scripts, devDependencies: _dev, ...manifest } = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, `${JSON.stringify({ ...manifest, name: publishedName }, null, 2)}\n`);
    mkdirSync(destination, { recursive: true });
    return pack(path.join(folder, "package"), path.resolve(destination));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [first, ...others] = process.argv.slice(2);
  if (first === "--refuse" && others.length === 0) {
    process.stderr.write(`The registry's "wsc" is another package: npm run package, then npm publish what it made.\n`);
    process.exitCode = 1;
  } else process.stdout.write(`${path.relative(process.cwd(), packPublished(first ?? "out"))}\n`);
}
