// Where benchmark models come from: WSC_MODELS, a folder of <name>.onnx with <name>.data/input_<i>.pb beside it. The topologies and a script
// that makes them are in the README.
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";

export const modelFolder = process.env.WSC_MODELS ?? ".cache/models";

/** Path of a model, or null when it is not there. */
export function modelPath(name) {
  const file = path.join(modelFolder, `${name}.onnx`);
  return existsSync(file) ? file : null;
}

/** Input files of a model, in order. */
export function inputFiles(name) {
  const folder = path.join(modelFolder, `${name}.data`);
  return readdirSync(folder)
    .filter((file) => /^input_\d+\.pb$/.test(file))
    .sort((a, b) => Number(/\d+/.exec(a)) - Number(/\d+/.exec(b)))
    .map((file) => path.join(folder, file));
}
