/** `wsc partition MODEL.onnx --wafers N`: cuts a model into parts that each fill one wafer, and says what every wafer holds and does. */
import { fail, renderDiagnostic } from "../../ir/diagnostic.ts";
import { defined, nth } from "../../ir/access.ts";
import type { KernelEdge, KernelGraph } from "../../ir/kernel-graph.ts";
import type { Target } from "../../ir/machine/target.ts";
import { lowerSource } from "../compile.ts";
import { buildFusedKernels } from "../kernels/fusion/fuse.ts";
import { kernelPart } from "../partition/kernel-part.ts";
import type { WaferSplit, WaferStage } from "../partition/wafer-split.ts";
import { splitOverWafers } from "../partition/wafers.ts";
import { limitsOf, type LimitStatement } from "../report/data/limits.ts";
import { reportOfSplit } from "../report/data/of-placement.ts";
import type { ReportData, ReportEdge } from "../report/data/report-data.ts";
import { renderReport } from "../report/html.ts";
import { loadTarget } from "../targets/load.ts";
import { readDims } from "./assignments.ts";
import { exitCodes, note } from "./failure.ts";
import type { PartitionArguments } from "./partition.ts";
import { claimText, writeText } from "./text-output.ts";
import { stageProgress } from "./progress.ts";
import { printTable } from "./table.ts";

export async function partitionModel(given: PartitionArguments): Promise<number> {
  const { wafers } = given;
  if (wafers === undefined) {
    throw fail("WSC8001", `${given.graph} is an ONNX model: --wafers N says over how many wafers it is cut`);
  }
  if (given.devices !== undefined || given.cpus !== undefined) {
    throw fail("WSC8001", "--devices and --cpus are for operator graphs; a model takes --wafers");
  }
  const options = { force: given.force, inputs: [given.graph, given.target] };
  await claimText(given.output, options);
  const start = performance.now();
  const target = await loadTarget(given.target);
  const progress = stageProgress(given.quiet || given.json);
  let split: WaferSplit;
  let kernels: KernelGraph;
  let files: readonly string[];
  try {
    const lowered = await lowerSource(given.graph, { dims: readDims(given.dim), onStage: progress.stage });
    files = lowered.files;
    for (const warning of lowered.warnings) note(renderDiagnostic(warning), given.quiet);
    kernels = buildFusedKernels(lowered.graph, target);
    progress.stage("place");
    split = await splitOverWafers(kernels, target, wafers, {
      timeLimitSeconds: given.timeLimit,
      seed: given.seed,
      ...progress.watch,
    });
  } finally {
    progress.stop();
  }
  const seconds = (performance.now() - start) / 1000;
  const record = recordOf(split, kernels, wafers);
  if (given.output !== undefined) {
    const inputs = [...options.inputs, ...files];
    const text = /\.html?$/i.test(given.output)
      ? await renderReport([reportOf(split, kernels, target)])
      : `${JSON.stringify(record, null, 2)}\n`;
    await writeText(given.output, text, { ...options, inputs });
  }
  if (given.json) process.stdout.write(`${JSON.stringify({ ...record, seconds }, null, 2)}\n`);
  else if (!given.quiet) describe(split, kernels, given, seconds);
  return exitCodes.done;
}

/** What `-o` writes: layers by name, figures of every wafer, the certificate. */
function recordOf(split: WaferSplit, kernels: KernelGraph, wafers: number): object {
  const { stages, ...certificate } = split;
  return {
    ...certificate,
    limit: limitOf(split),
    wafersGiven: wafers,
    hostOps: kernels.host.length,
    wafers: stages.map(({ placement, kernels: ids, ...figures }) => ({
      ...figures,
      certificate: placement.certificate,
      layers: ids.map((id) => kernels.kernels[id]?.name ?? ""),
    })),
  };
}

const limitOf = ({ stages }: WaferSplit): LimitStatement =>
  limitsOf(stages.map(({ placement }, wafer) => ({ wafer: wafer + 1, placement })));

/** The split as a report; layers are numbered over the wafers in their order. */
function reportOf(split: WaferSplit, kernels: KernelGraph, target: Target): ReportData {
  const numberOf = new Map(split.stages.flatMap(({ kernels: ids }) => ids).map((id, number) => [id, number]));
  const waferOf = new Map(split.stages.flatMap(({ kernels: ids }, wafer) => ids.map((id) => [id, wafer] as const)));
  const crossing = kernels.edges.flatMap((edge): ReportEdge[] =>
    waferOf.get(edge.from) === waferOf.get(edge.to)
      ? []
      : [{ ...pickWords(edge), from: defined(numberOf.get(edge.from)), to: defined(numberOf.get(edge.to)) }],
  );
  return reportOfSplit({
    ...split,
    target,
    stages: split.stages.map(({ kernels: ids, placement }, wafer) => ({
      kernels: kernelPart(kernels, ids, placement.model),
      placement,
      begin: nth(beginsOf(split), wafer),
    })),
    crossing,
    host: kernels.host,
  });
}

const pickWords = ({ words, stream }: KernelEdge): Pick<ReportEdge, "words" | "stream"> => ({ words, stream });

/** Cycles from a sample's first word to when it reaches each wafer: the latencies of the longest way before it. */
function beginsOf({ stages, links }: WaferSplit): readonly number[] {
  const begins = stages.map(() => 0);
  // links go from earlier wafers to later ones or not; a sample is passed on at most as often as there are wafers
  for (let round = 1; round < stages.length; round++)
    for (const { from, to } of links) {
      const reached = nth(begins, from) + nth(stages, from).placement.certificate.latencyCycles;
      begins[to] = Math.max(nth(begins, to), reached);
    }
  return begins;
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function describe(split: WaferSplit, kernels: KernelGraph, given: PartitionArguments, seconds: number): void {
  const { stages, links, interval, bound, gap, status, latencyCycles } = split;
  const title = ["wafer", "layers", "cores", "weights", "activations", "cycles", "edge", "words in", "words out"];
  const cells = (stage: WaferStage, wafer: number): string[] => [
    String(wafer),
    String(stage.kernels.length),
    String(stage.cores),
    mebibytes(stage.weightBytes),
    mebibytes(stage.activationBytes),
    String(stage.cycles),
    String(stage.ioCycles),
    String(stage.wordsIn),
    String(stage.wordsOut),
  ];
  printTable(title, stages.map(cells));
  const words = links.map(({ from, to, words: count }) => `${from} -> ${to}: ${count}`).join(", ");
  const lines = [
    ["model", `${split.model} on ${given.wafers ?? 0} x ${split.target}, ${stages.length} used`],
    ["layers", `${kernels.kernels.length}, ${kernels.host.length} ops on the host`],
    ["interval", `${interval} cycles`],
    ["bound", `${bound} cycles, for chains of wafers`],
    ["gap", `${(100 * gap).toFixed(2)}%`],
    ["status", status],
    ["latency", `${latencyCycles} cycles`],
    ["limit", limitOf(split).sentence],
    ...(words === "" ? [] : [["words between", words]]),
    ["seconds", seconds.toFixed(1)],
    ...(given.output === undefined ? [] : [["written", given.output]]),
  ];
  for (const [name, value] of lines) process.stdout.write(`${(name ?? "").padEnd(16)} ${value ?? ""}\n`);
}
