/**
 * The compiler on one screen: an ONNX model becomes a graph, the graph is rewritten, its layers are placed on the target and checked, and
 * the same graph becomes a program. Stages are loaded when they are reached.
 */
import { type Diagnostic, WscError } from "../ir/diagnostic.ts";
import type { Graph } from "../ir/graph.ts";
import { type KernelGraph, opsOf, type Precision } from "../ir/kernel-graph.ts";
import type { Placement } from "../ir/placement.ts";
import type { CompiledProgram } from "../ir/program.ts";
import type { WeightAim } from "./codegen/small-weights.ts";
import type { OnnxModel } from "./frontend/onnx.ts";
import type { ModelBytes } from "./frontend/model-source.ts";
import type { Pass } from "./passes/pass.ts";
import type { OwnPass } from "./passes/pipeline.ts";
import type { ModeOptions } from "./placement/modes.ts";
import type { PreparedProblem } from "./placement/prepare.ts";
import type { Target } from "../ir/machine/target.ts";
import type { TuneOptions, TuneReport } from "./tuning/tune.ts";
import type { Tuning } from "./tuning/tuning.ts";

/** A model: a path or file URL, or its bytes with a name for messages. */
export type ModelSource = string | URL | ModelBytes;

export const stages = ["read", "lower", "passes", "kernels", "place", "tune", "program"] as const;
export type Stage = (typeof stages)[number];

export interface CompileOptions extends ModeOptions {
  /** a preset's name, the path of a JSON file, or a description; default wse2 */
  readonly target?: string | Target;
  /** several ops may be one layer; default true. Only layers of one op each have a fabric program (docs/fabric.md) */
  readonly fuse?: boolean;
  /** what f32 operands are on the wafer; the program on the host computes as the model says. Default f32 */
  readonly precision?: Precision;
  /** values of symbolic dims */
  readonly dims?: ReadonlyMap<string, number>;
  /** choices for kernels that were found earlier */
  readonly tuning?: Tuning;
  /** looks for better choices by measuring kernels on this machine */
  readonly tune?: Omit<TuneOptions, "start">;
  /** adds kernels for engines that join pairs of vectors (docs/performance.md); other engines run its other kernels more slowly */
  readonly joinVectors?: boolean;
  /** what weights of the program are packed for: speed, which may take several times the model's bytes, or size. Default speed */
  readonly weights?: WeightAim;
  /** passes of your own, behind those that they name */
  readonly passes?: readonly OwnPass[];
  readonly onStage?: (stage: Stage) => void;
  readonly onPass?: (pass: Pass, graph: Graph, changed: boolean) => void;
}

/** A model as the passes leave it. */
export interface LoweredModel {
  readonly graph: Graph;
  readonly warnings: readonly Diagnostic[];
  /** files that it was read from: its own, and those of external data */
  readonly files: readonly string[];
}

/** A model with its layers. */
export interface LayeredModel extends LoweredModel {
  readonly target: Target;
  readonly kernels: KernelGraph;
}

/** A model with its layers, and the problem of placing them as a pipeline. */
export interface PreparedModel extends LayeredModel {
  readonly prepared: PreparedProblem;
}

export interface PlacedModel extends LayeredModel {
  /** of a pipeline, of the first copy where there are several; null for other modes */
  readonly prepared: PreparedProblem | null;
  readonly placement: Placement;
}

export interface CompiledModel extends PlacedModel {
  readonly compiled: CompiledProgram;
  /** the choices that the program was made with, and what measuring them brought if it was asked for */
  readonly tuning: Tuning;
  readonly tuneReport: TuneReport | null;
}

/** A model as it was read. */
export interface SourceModel {
  readonly model: OnnxModel;
  /** of its file; null where it has none that says anything */
  readonly name: string | null;
  readonly files: readonly string[];
}

export async function readSource(
  source: ModelSource,
  { onStage }: Pick<CompileOptions, "onStage"> = {},
): Promise<SourceModel> {
  onStage?.("read");
  const { readModel } = await import("./frontend/read-model.ts");
  const files: string[] = [];
  const model = await readModel(source instanceof URL ? (await import("node:url")).fileURLToPath(source) : source, {
    onFile: (file) => files.push(file),
  });
  return { model, name: nameOf(source), files };
}

/** Reads, lowers and rewrites a model. */
export const lowerSource = async (source: ModelSource, options: CompileOptions = {}): Promise<LoweredModel> =>
  lowerSourceModel(await readSource(source, options), options);

const lowerSourceModel = async (
  { model, name, files }: SourceModel,
  options: CompileOptions,
): Promise<LoweredModel> => ({ ...(await lowerRead(model, name, options)), files });

/** Lowers and rewrites a model that has been read; `name` stands for the graph's own where it is known. */
export async function lowerRead(
  model: OnnxModel,
  name: string | null,
  options: CompileOptions = {},
): Promise<Omit<LoweredModel, "files">> {
  options.onStage?.("lower");
  const { lowerModel } = await import("./frontend/lower.ts");
  const { graph, warnings } = lowerModel(model, { dims: options.dims ?? new Map(), requireStatic: true });
  options.onStage?.("passes");
  const { runPasses } = await import("./passes/pipeline.ts");
  const { onPass, passes: own = [] } = options;
  const named = { ...graph, name: name ?? graph.name };
  return { graph: runPasses(named, { own, ...(onPass === undefined ? {} : { onPass }) }), warnings };
}

/** Exporters name every graph alike ("torch_jit"); people know a model by its file. */
function nameOf(source: ModelSource): string | null {
  if (typeof source !== "string" && !(source instanceof URL)) return null;
  return modelNameOf(source instanceof URL ? source.pathname : source);
}

/** What a model is called by the file that it comes from; null where that says nothing. */
export function modelNameOf(file: string): string | null {
  const stem = file.replace(/^.*[/\\]/, "").replace(/\.onnx$/, "");
  return stem === "" || stem === "model" ? null : stem;
}

/** The layers of a lowered graph as they are placed on a target: ops fused where that takes fewer cores, unless `fuse` is false. */
export async function kernelsOf(graph: Graph, target: string | Target, fuse = true): Promise<KernelGraph> {
  if (!fuse) return (await import("./kernels/build.ts")).buildKernelGraph(graph);
  const { buildFusedKernels } = await import("./kernels/fusion/fuse.ts");
  return buildFusedKernels(graph, await targetOf(target));
}

/** The layers of a lowered model, for its target. */
async function layersOf(
  model: LoweredModel,
  options: CompileOptions,
): Promise<Pick<LayeredModel, "target" | "kernels">> {
  const target = await targetOf(options.target ?? "wse2");
  options.onStage?.("kernels");
  const { withPrecision } = await import("./kernels/precision.ts");
  const kernels = withPrecision(await kernelsOf(model.graph, target, options.fuse), options.precision ?? "f32");
  options.onStage?.("place");
  return { target, kernels };
}

/** A lowered model with its layers. */
export const layerModel = async (model: LoweredModel, options: CompileOptions = {}): Promise<LayeredModel> => ({
  ...model,
  ...(await layersOf(model, options)),
});

/** Takes the layers of a lowered model and prepares the problem of placing them once, as a pipeline; throws WSC5002 where they do not fit. */
export async function prepareModel(model: LoweredModel, options: CompileOptions = {}): Promise<PreparedModel> {
  const layers = await layersOf(model, options);
  const { prepare } = await import("./placement/prepare.ts");
  return { ...model, ...layers, prepared: prepare(layers.kernels, layers.target, options) };
}

/** Places a lowered model; the checker has accepted what this returns. */
export async function placeModel(model: LoweredModel, options: CompileOptions = {}): Promise<PlacedModel> {
  const start = Date.now();
  return placeLayers(await layerModel(model, options), options, start);
}

/** Places layers: their target, precision and fusion are what they were made with, whatever the options say. `start`: when the time limit begins. */
export async function placeLayers(
  model: LayeredModel,
  options: CompileOptions,
  start: number = Date.now(),
): Promise<PlacedModel> {
  // one after the other: they share modules, and jest's loader links a module for one of them at a time
  const { withinLimit } = await import("./placement/place.ts");
  const { placeInMode } = await import("./placement/modes.ts");
  const { checkPlacement } = await import("./placement/checker/check.ts");
  const { kernels, target } = model;
  const placed = await placeInMode(kernels, target, withinLimit(options, start));
  const faults = checkPlacement(kernels, placed.placement, target);
  if (faults.length > 0) throw new WscError(faults);
  return { ...model, ...placed };
}

/** A lowered model with a placement that was found before, by a search that was stopped for one; throws what the checker says against it. */
export async function adoptPlacement(
  model: LoweredModel,
  placement: Placement,
  options: CompileOptions = {},
): Promise<PlacedModel> {
  const layers = await layersOf(model, options);
  const { checkPlacement } = await import("./placement/checker/check.ts");
  const faults = checkPlacement(layers.kernels, placement, layers.target);
  if (faults.length > 0) throw new WscError(faults);
  return { ...model, ...layers, placement, prepared: null };
}

/** The whole way from a model to a placed, runnable program. */
export const compile = async (source: ModelSource, options: CompileOptions = {}): Promise<CompiledModel> =>
  compileRead(await readSource(source, options), options);

/** The same for a model that has been read. */
export async function compileRead(source: SourceModel, options: CompileOptions = {}): Promise<CompiledModel> {
  const lowered = await lowerSourceModel(source, options);
  (await import("./codegen/weight-bound.ts")).refuseOversized(lowered.graph);
  const placed = await placeModel(lowered, options);
  const { tuning, report } = await tuneModel(placed, options);
  options.onStage?.("program");
  const { compiled, warnings } = await tunedProgram(placed.graph, tuning, {
    kernels: placed.kernels,
    joinVectors: options.joinVectors ?? false,
    weights: options.weights ?? "speed",
  });
  return { ...placed, warnings: [...placed.warnings, ...warnings], compiled, tuning, tuneReport: report };
}

/** The given tuning, gone on with if time is given for it. */
async function tuneModel(
  { graph }: LoweredModel,
  { tuning = new Map(), tune, onStage }: CompileOptions,
): Promise<{ readonly tuning: Tuning; readonly report: TuneReport | null }> {
  if (tune === undefined) return { tuning, report: null };
  onStage?.("tune");
  const [{ tuneGraph }, { wasmBench }] = await Promise.all([
    import("./tuning/tune.ts"),
    import("./tuning/wasm-bench.ts"),
  ]);
  return tuneGraph(graph, wasmBench, { ...tune, start: tuning });
}

/** A program, and what of its tuning does not apply. */
export interface TunedProgram {
  readonly compiled: CompiledProgram;
  readonly warnings: readonly Diagnostic[];
}

export interface ProgramOptions extends Pick<CompileOptions, "joinVectors" | "weights"> {
  /** the steps name its kernels */
  readonly kernels?: KernelGraph;
}

/** The program of a graph with the choices of a tuning. */
export async function tunedProgram(
  graph: Graph,
  tuning: Tuning,
  { kernels, joinVectors = false, weights = "speed" }: ProgramOptions = {},
): Promise<TunedProgram> {
  const [{ generateProgram }, { tunedScheduler }] = await Promise.all([
    import("./codegen/generate.ts"),
    import("./tuning/tuning.ts"),
  ]);
  const byOp = new Map((kernels?.kernels ?? []).flatMap((kernel) => opsOf(kernel).map((op) => [op, kernel.id])));
  const { schedule, warnings } = tunedScheduler(tuning, joinVectors, weights);
  const kernelOf = (op: number): number => byOp.get(op) ?? -1;
  const compiled = generateProgram(graph, { kernelOf, scheduler: schedule, joinVectors });
  return { compiled, warnings: warnings() };
}

/** The program of a graph; with a kernel graph, its steps name the kernels. */
export const programOf = async (graph: Graph, kernels?: KernelGraph): Promise<CompiledProgram> =>
  (await tunedProgram(graph, new Map(), kernels === undefined ? {} : { kernels })).compiled;

async function targetOf(target: string | Target): Promise<Target> {
  if (typeof target !== "string") return target;
  const { loadTarget } = await import("./targets/load.ts");
  return loadTarget(target);
}
