// onnxruntime-web in Node, where its provider is called wasm whatever a program asks for.
const path = require("node:path");
const ort = require(path.join(process.env.WSC_PEER, "dist", "ort.node.min.js"));

ort.env.wasm.numThreads = 1;
const InferenceSession = {
  create: (model, options) => ort.InferenceSession.create(model, { ...options, executionProviders: ["wasm"] }),
};
// its settings are ours: @huggingface/transformers would have its files come from a server
const env = { ...ort.env, wasm: { ...ort.env.wasm } };
module.exports = { ...ort, env, InferenceSession };
module.exports.default = module.exports;
