// Trains the transformer block to write eight digits backwards, and writes transformer.onnx beside this file. Takes less than a minute.
//   npm run build && node examples/transformer/train.mjs
import { writeFileSync } from "node:fs";
import { encodeModel } from "wsc";
import { adam } from "../common/adam.mjs";
import { newTape } from "./autograd.mjs";
import { forward, newParameters, onnxModel } from "./network.mjs";
import { complete, makeSequences, nextDigits } from "./task.mjs";

const steps = 200;
const batch = 32;
const learningRate = 0.003;

const training = makeSequences(steps * batch, 1);
const held = makeSequences(100, 2);
const p = newParameters(3);
const each = (pick) => Object.fromEntries(Object.entries(p).map(([name, array]) => [name, pick(array)]));
const update = adam(each(({ data }) => data));

/** Share of whole sequences that are continued without a mistake. */
async function accuracy(sequences) {
  let right = 0;
  for (const sequence of sequences) {
    const written = await complete(sequence.slice(0, 8), (known) => forward(newTape(), p, [known]).data);
    if (written.every((digit, i) => digit === sequence[i])) right++;
  }
  return right / sequences.length;
}

for (let step = 1; step <= steps; step++) {
  const sequences = training.slice((step - 1) * batch, step * batch);
  const tape = newTape();
  const loss = tape.crossEntropy(forward(tape, p, sequences), sequences.flatMap(nextDigits));
  tape.back();
  update(
    each(({ grad }) => grad),
    learningRate * Math.min(1, step / 50, (steps - step + 1) / 60),
  );
  for (const { grad } of Object.values(p)) grad.fill(0);
  if (step % 50 === 0)
    console.log(`step ${step}: loss ${loss.data[0].toFixed(4)}, held-out accuracy ${await accuracy(held)}`);
}

writeFileSync(new URL("transformer.onnx", import.meta.url), await encodeModel(onnxModel(p)));
console.log("wrote transformer.onnx");
