// Runs the ONNX backend tests through wsc/runtime with the shared runner, and prints what fails and the totals.
//   npm run conformance [-- --filter REGEX --jobs 2 ...]          options of the runner are passed on
//   npm run conformance:light                                     the nine light networks, with seeded weights
// WSC_CONFORMANCE is the folder of the runner (default ../shared/conformance), WSC_CONFORMANCE_DATA the unpacked tests (default: unpacked
// to a temporary folder).
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const runner = path.resolve(process.env.WSC_CONFORMANCE ?? path.join(root, "..", "shared", "conformance"));
const light = process.argv[2] === "--light";
const options = process.argv.slice(light ? 3 : 2);

if (!existsSync(path.join(runner, "run-suite.mjs"))) {
  console.error(`there is no runner in ${runner}: WSC_CONFORMANCE names its folder`);
  process.exit(1);
}

const scratch = mkdtempSync(path.join(os.tmpdir(), "wsc-conformance-"));
try {
  process.exitCode = run(light ? lightData() : backendData());
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function backendData() {
  if (process.env.WSC_CONFORMANCE_DATA !== undefined) return process.env.WSC_CONFORMANCE_DATA;
  execFileSync("tar", ["xf", path.join(runner, "onnx-backend-data.tar.xz"), "-C", scratch]);
  return path.join(scratch, "onnx-backend-data");
}

/** The light networks have constant weights, which forgive too much; this gives them seeded ones. */
function lightData() {
  const from = path.join(backendData(), "light");
  const refs = path.join(runner, "light-random-refs");
  const make = path.join(runner, "make-light-random.mjs");
  const args = ["--light", from, "--refs", refs, "--out", scratch, "--max-mb", "700"];
  execFileSync(process.execPath, [make, ...args], { stdio: "inherit" });
  return path.join(scratch, "light-random");
}

function run(data) {
  const backend = `module:${path.join(runner, "backends", "wsc.mjs")}`;
  const limits = light ? ["--timeout", "300", "--jobs", "1"] : [];
  const args = [path.join(runner, "run-suite.mjs"), "--data", data, "--backend", backend, ...limits, ...options];
  const { status } = spawnSync(process.execPath, args, {
    stdio: "inherit",
    env: { ...process.env, WSC_DIR: root },
  });
  return status ?? 1;
}
