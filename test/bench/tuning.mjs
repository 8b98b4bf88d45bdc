// node test/bench/tuning.mjs MODEL TUNING [ROUNDS] [--plain] [--steps]: what the choices of a tuning file bring. The program with and without
// them, alternated in one process; each kernel call's shortest processor time, summed over the program, is what other work disturbs least.
// MODEL is a path or a name as in models.mjs.
import { existsSync, readFileSync } from "node:fs";
import { lowerSource, tunedProgram } from "../../dist/compiler/compile.js";
import { parseTuning } from "../../dist/compiler/tuning/tuning-file.js";
import { compileModule, hasRelaxedSimd } from "../../dist/runtime/engine.js";
import { loadMemory, writeValue } from "../../dist/runtime/memory.js";
import { readValue } from "../../dist/compiler/cli/tensor-files.js";
import { inputFiles, modelPath } from "./models.mjs";

const [name, tuningFile, roundsText = "20", ...flags] = process.argv.slice(2);
const file = existsSync(name) ? name : modelPath(name);

const processorMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

async function open(graph, tuning) {
  const { compiled, warnings } = await tunedProgram(graph, tuning);
  for (const { message } of warnings) console.error(message);
  const { program, modules } = compiled;
  const memory = loadMemory(compiled);
  const isPlain = flags.includes("--plain") || !hasRelaxedSimd();
  const binary = modules.get((isPlain ? program.modules.at(-1) : program.modules[0]).file);
  const { exports } = await WebAssembly.instantiate(await compileModule(binary, { eager: true }), { env: { memory } });
  const files = existsSync(name) ? [] : inputFiles(name);
  const inputs = await Promise.all(files.map((input) => readValue(input)));
  // a run overwrites its inputs when they are no longer needed
  const fill = () => {
    for (const [i, { data }] of inputs.entries()) {
      const value = program.values[program.inputs[i].slot];
      writeValue(memory, value, { dtype: value.dtype, shape: value.shape, elements: data });
    }
  };
  const steps = program.steps.filter((step) => step.kind === "kernel");
  const best = steps.map(() => Infinity);
  const run = () => {
    fill();
    for (const [i, { function: kernel, args, units }] of steps.entries()) {
      const start = processorMs();
      exports[kernel](...args, 0, units);
      best[i] = Math.min(best[i], processorMs() - start);
    }
  };
  return { steps, best, run };
} // prettier-ignore

const sum = (list) => list.reduce((a, b) => a + b, 0);

/** Milliseconds by the nodes that steps stand for. */
function byOrigin({ steps, best }) {
  const times = new Map();
  for (const [i, { origin }] of steps.entries())
    times.set(origin.join("+"), (times.get(origin.join("+")) ?? 0) + best[i]);
  return times;
}

const { graph } = await lowerSource(file);
const { tuning } = await parseTuning(readFileSync(tuningFile, "utf8"), tuningFile);
const [model, tuned] = [await open(graph, new Map()), await open(graph, tuning)];
for (let i = 0; i < Number(roundsText); i++) for (const { run } of [model, tuned]) run();
const [before, after] = [sum(model.best), sum(tuned.best)];
console.log(`${name}: ${before.toFixed(2)} to ${after.toFixed(2)} ms, ${(before / after).toFixed(3)} times as fast`);
if (flags.includes("--steps")) {
  const times = byOrigin(tuned);
  for (const [origin, time] of [...byOrigin(model)].toSorted((a, b) => b[1] - a[1]).slice(0, 30))
    console.log(`${time.toFixed(3).padStart(9)} ${(times.get(origin) ?? 0).toFixed(3).padStart(9)}  ${origin.slice(0, 90)}`);
} // prettier-ignore
