// node test/bench/quantized.mjs MODEL QUANTIZED [--seconds 20] [--plain]: two models of the same inputs against each other, such as a model and what
// quantize.mjs made of it, one thread. As in threads.mjs the two alternate and the shortest time of every kernel call counts.
import { parseArgs } from "node:util";
import { InferenceSession } from "../../dist/runtime/index.js";
import { readValue } from "../../dist/compiler/cli/tensor-files.js";
import { inputFiles, modelPath } from "./models.mjs";
import { noteIn } from "./timed-kernels.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: "string", default: "20" }, plain: { type: "boolean", default: false } },
});

const entries = [];
for (const name of positionals) {
  const session = await InferenceSession.create(modelPath(name), { deterministic: options.plain });
  const feeds = {};
  for (const [i, input] of inputFiles(name).entries()) feeds[session.inputNames[i]] = await readValue(input);
  entries.push({ name, session, feeds, best: new Map(), whole: Infinity, results: {} });
}
const end = performance.now() + Number(options.seconds) * 1000;
for (let round = 0; round < 3 || performance.now() < end; round++) {
  for (const entry of entries) {
    noteIn(entry.best);
    const start = performance.now();
    entry.results = await entry.session.run(entry.feeds);
    entry.whole = Math.min(entry.whole, performance.now() - start);
  }
}
const total = ({ best }) => [...best.values()].reduce((sum, time) => sum + time, 0);
const [first, second] = entries;
const argmax = ({ data }) => data.reduce((at, value, i) => (value > data[at] ? i : at), 0);
for (const entry of entries) {
  console.log(
    `${entry.name.padEnd(20)} kernels ${total(entry).toFixed(1)} ms, shortest run ${entry.whole.toFixed(1)} ms; ` +
      Object.entries(entry.results)
        .map(([name, tensor]) => `${name}: largest at ${argmax(tensor)}`)
        .join(", "),
  );
  if (process.env.WSC_STEPS)
    for (const [key, time] of [...entry.best].toSorted((a, b) => b[1] - a[1]).slice(0, 24))
      console.log(`  ${time.toFixed(3)} ${key}`);
}
console.log(
  `ratio: kernels ${(total(first) / total(second)).toFixed(2)}, shortest runs ${(first.whole / second.whole).toFixed(2)}`,
);
