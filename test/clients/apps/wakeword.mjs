// The wake word of a sound (`openwakeword-js`, its own sources: what it publishes has a runtime within): its classifiers, over the two small models
// in MODELS, which have the shapes of the ones that its setup fetches.
import path from "node:path";
import { Model } from "./wakeword-sources.mjs";

const [models, packages] = process.argv.slice(2);
// the package seeds its buffers with noise
let seed = 1;
Math.random = () => {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
  return seed / 0x80000000;
};
const own = path.join(packages, "openwakeword-js", "models");
const model = new Model({
  wakewordModels: ["hello_deepa.onnx", "namaste_deepa.onnx"].map((name) => path.join(own, name)),
  melspectrogramModelPath: path.join(models, "mel.onnx"),
  embeddingModelPath: path.join(models, "embedding.onnx"),
});
const log = console.log;
console.log = () => undefined;
await model.init();
const scores = [];
for (let chunk = 0; chunk < 8; chunk++) {
  const sound = Float32Array.from({ length: 1280 }, (_, i) => Math.sin((chunk * 1280 + i) * 0.05) * 0.5);
  scores.push(await model.predict(sound));
}
log(JSON.stringify(scores));
