// onnxruntime-web's WebAssembly backend in Node, one thread: the peer that inference is compared with.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);
const entry = require.resolve("onnxruntime-web");
const module = await import(pathToFileURL(path.join(path.dirname(entry), "ort.node.min.mjs")).href);
export const ort = module.default?.InferenceSession ? module.default : module;
ort.env.wasm.numThreads = 1;
ort.env.wasm.proxy = false;
ort.env.logLevel = "error";

export function peerSession(file) {
  const bytes = readFileSync(file);
  const options = {
    executionProviders: ["wasm"],
    intraOpNumThreads: 1,
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
  };
  return ort.InferenceSession.create(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength), options);
}
