/** `wsc partition`: splits an operator graph over devices, and says what is proven about the split. */
import { fail, renderDiagnostic } from "../../ir/diagnostic.ts";
import { type DeviceGraph, maxDevices, type Split } from "../partition/device-graph.ts";
import { partition, type PartitionResult, type PartitionStep } from "../partition/partition.ts";
import { readDeviceGraph } from "../partition/read-graph.ts";
import { exitCodes, note } from "./failure.ts";
import { lineProgress } from "./progress.ts";
import { printTable } from "./table.ts";
import { claimText, writeText } from "./text-output.ts";

export interface PartitionArguments {
  readonly graph: string;
  readonly devices: number | undefined;
  readonly cpus: number | undefined;
  readonly output: string | undefined;
  readonly timeLimit: number;
  readonly seed: number;
  readonly quiet: boolean;
  readonly json: boolean;
  readonly force: boolean;
  /** for models: wafers, their kind, and values of symbolic dims */
  readonly wafers: number | undefined;
  readonly target: string;
  readonly dim: readonly string[];
}

export async function partitionGraph(given: PartitionArguments): Promise<number> {
  if (given.wafers !== undefined || given.graph.endsWith(".onnx")) {
    const { partitionModel } = await import("./partition-model.ts");
    return partitionModel(given);
  }
  const start = performance.now();
  checkCount("devices", given.devices);
  checkCount("cpus", given.cpus);
  const options = { force: given.force, inputs: [given.graph] };
  await claimText(given.output, options);
  const graph = await readDeviceGraph(given.graph);
  const quiet = given.quiet || given.json;
  for (const warning of graph.warnings) note(renderDiagnostic(warning), given.quiet);
  const progress = lineProgress(quiet);
  const told = new Map<PartitionStep, string>();
  const result = partition(graph, {
    ...(given.devices === undefined ? {} : { accelerators: given.devices }),
    ...(given.cpus === undefined ? {} : { cpus: given.cpus }),
    timeLimitSeconds: given.timeLimit,
    seed: given.seed,
    onProgress: (step, detail) => {
      told.set(step, detail);
      progress.show([...told].map(([name, value]) => `${name} ${value}`).join(", "));
    },
  });
  progress.stop();
  const seconds = (performance.now() - start) / 1000;
  if (given.output !== undefined) await writeText(given.output, splitText(result.split), options);
  if (given.json) process.stdout.write(`${JSON.stringify(summaryOf(result, seconds), null, 2)}\n`);
  else if (!quiet) describe(given, graph, result, seconds);
  return exitCodes.done;
}

function checkCount(option: string, value: number | undefined): void {
  if (value === undefined || (Number.isInteger(value) && value >= 0 && value <= maxDevices)) return;
  throw fail("WSC8001", `--${option} takes a whole number from 0 to ${maxDevices}, not ${value}`);
}

/** One device a line. */
function splitText({ accelerators, cpus }: Split): string {
  const lines = (devices: Split["cpus"]): string => devices.map((ids) => `    ${JSON.stringify(ids)}`).join(",\n");
  return `{\n  "accelerators": [\n${lines(accelerators)}\n  ],\n  "cpus": [\n${lines(cpus)}\n  ]\n}\n`;
}

const summaryOf = ({ certificate, score, split }: PartitionResult, seconds: number): object => ({
  ...certificate,
  seconds: Number(seconds.toFixed(3)),
  loads: {
    accelerators: score.loads.slice(0, split.accelerators.length),
    cpus: score.loads.slice(split.accelerators.length),
  },
  split,
});

/** Six significant digits, as papers print loads. */
const figure = (value: number): string => String(Number(value.toPrecision(6)));

function describe(given: PartitionArguments, graph: DeviceGraph, result: PartitionResult, seconds: number): void {
  const { certificate, split, score } = result;
  const { maxLoad, bound, gap, status, boundMethod, contiguous, contiguousOptimum } = certificate;
  const groups = [...split.accelerators, ...split.cpus];
  const rows = groups.map((ids, device) => {
    const isCpu = device >= split.accelerators.length;
    const name = isCpu ? `cpu ${device - split.accelerators.length}` : `accelerator ${device}`;
    return [name, String(ids.length), figure(score.loads[device] ?? 0), figure(score.sizes[device] ?? 0)];
  });
  printTable(["device", "nodes", "load", "size"], rows);
  const best =
    contiguousOptimum === null
      ? "none found"
      : contiguousOptimum.status === "optimal"
        ? `${figure(contiguousOptimum.maxLoad)}, optimal (${contiguousOptimum.ideals} ideals)`
        : `${figure(contiguousOptimum.maxLoad)}, at least ${figure(contiguousOptimum.bound)} (${contiguousOptimum.ideals} ideals, not all)`;
  const lines = [
    ["graph", `${graph.nodes.length} nodes, ${graph.edges.length} edges`],
    ["max load", figure(maxLoad)],
    ["bound", `${figure(bound)} (${boundMethod})`],
    ["gap", `${(100 * gap).toFixed(2)}%`],
    ["status", status],
    ["contiguous", contiguous ? "yes" : "no"],
    ["best contiguous", best],
    ["seed", String(certificate.seed)],
    ["seconds", seconds.toFixed(1)],
    ...(given.output === undefined ? [] : [["written", given.output]]),
  ];
  for (const [name, value] of lines) process.stdout.write(`${(name ?? "").padEnd(16)} ${value ?? ""}\n`);
}
