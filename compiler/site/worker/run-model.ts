/** Runs a compiled model on random input and times its layers, beside what the engine can do at most. */
import { showType } from "../../../ir/types.ts";
import { defined } from "../../../ir/access.ts";
import { loopLimits } from "../../../runtime/loop-limit.ts";
import { describePort, readFeeds, type SessionValue, toSessionValue } from "../../../runtime/ports.ts";
import { programRunner } from "../../../runtime/runner.ts";
import { compiledSource } from "../../../runtime/source.ts";
import { Tensor } from "../../../runtime/tensor.ts";
import type { CompiledModel } from "../../compile.ts";
import { randomTensor } from "../../random-tensor.ts";
import { betterOf, measureEngine } from "../../tuning/engine-limits.ts";
import { layersOf, meanOf, RunLog } from "../../tuning/layer-profile.ts";
import type { RunResult } from "../messages.ts";

/** Runs before anything is timed: engines compile hot functions anew. */
const warmUp = 3;
const timedFor = 1000;
const seed = 1;

export async function runModel({ compiled }: CompiledModel): Promise<RunResult> {
  const log = new RunLog();
  const runner = await programRunner(compiledSource(compiled, null), {
    deterministic: false,
    joinVectors: false,
    loops: loopLimits(undefined),
    threads: null,
    onStep: (step, time) => {
      log.add(step, time);
    },
  });
  const feeds = Object.fromEntries(
    runner.inputs.map((port, position) => [port.name, randomTensor(describePort(port), seed, position)]),
  );
  const values = readFeeds(feeds, runner.inputs);
  const run = (): ReturnType<typeof runner.run> => runner.run({ values, owned: false });
  let results = await run();
  for (let i = 1; i < warmUp; i++) results = await run();
  const before = await measureEngine({ deterministic: false });
  log.forget();
  const start = performance.now();
  let [runs, elapsed] = [0, 0];
  while (elapsed < timedFor) {
    await run();
    log.endRun();
    runs++;
    elapsed = performance.now() - start;
  }
  const limits = betterOf(before, await measureEngine({ deterministic: false }));
  const layers = layersOf(log.steps(meanOf), limits);
  return {
    milliseconds: elapsed / runs,
    runs,
    inLayers: layers.reduce((sum, layer) => sum + layer.milliseconds, 0),
    layers,
    limits,
    outputs: runner.outputs.map(
      ({ name, type }) => `${name}: ${showType(type)}${rangeText(toSessionValue(defined(results.get(name))))}`,
    ),
  };
}

/** From the least to the greatest element, of tensors of numbers. */
function rangeText(value: SessionValue): string {
  if (!(value instanceof Tensor) || value.type !== "float32") return "";
  let [least, greatest] = [Infinity, -Infinity];
  for (const element of value.data as Float32Array) {
    least = Math.min(least, element);
    greatest = Math.max(greatest, element);
  }
  return `, from ${least.toPrecision(4)} to ${greatest.toPrecision(4)}`;
}
