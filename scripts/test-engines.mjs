// npm run test:engines [-- MAJOR ...]: runs what depends on the engine with other versions of Node, which are installed from npm into a temporary
// folder (default: 22, 24 and 26). Engines differ in their flags, in what keeps a process alive and in whether they join vectors.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const suites = ["test/runtime", "test/cli/run.test.ts", "test/codegen/joined.test.ts"];
const majors = process.argv.length > 2 ? process.argv.slice(2) : ["22", "24", "26"];
const platform = `node-${process.platform}-${process.arch}`;

const folder = mkdtempSync(path.join(os.tmpdir(), "wsc-engines-"));
try {
  process.exitCode = majors.map((major) => run(major)).every((passed) => passed) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function run(major) {
  const prefix = path.join(folder, major);
  const quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
  const install = call("npm", ["install", "--prefix", prefix, ...quiet, `${platform}@${major}`], process.env);
  const bin = path.join(prefix, "node_modules", platform, "bin");
  const jest = ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning", "node_modules/jest/bin/jest.js"];
  // tests start programs with the same Node
  const env = { ...process.env, PATH: bin + path.delimiter + process.env.PATH };
  const passed = install && call(path.join(bin, "node"), [...jest, "--ci", ...suites], env);
  console.log(`Node ${major}: ${passed ? "passed" : "failed"}`);
  return passed;
}

function call(command, args, env) {
  const { status, error } = spawnSync(command, args, { cwd: root, env, stdio: ["ignore", "inherit", "inherit"] });
  if (error !== undefined) console.error(`${command}: ${error.message}`);
  return status === 0;
}
