/**
 * The compiler on one screen: an ONNX model becomes a graph, the graph is rewritten, its layers are placed on the target and checked, and
 * the same graph becomes a program. Stages are loaded when they are reached.
 */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Diagnostic, WscError } from "../ir/diagnostic.ts";
import type { Graph } from "../ir/graph.ts";
import type { KernelGraph } from "../ir/kernel-graph.ts";
import type { Placement } from "../ir/placement.ts";
import type { CompiledProgram } from "../ir/program.ts";
import type { ModelBytes } from "./frontend/read-model.ts";
import type { Pass } from "./passes/pass.ts";
import type { PlaceOptions } from "./placement/place.ts";
import type { Target } from "./targets/target.ts";

/** A model: a path or file URL, or its bytes with a name for messages. */
export type ModelSource = string | URL | ModelBytes;

export const stages = ["read", "lower", "passes", "kernels", "place", "program"] as const;
export type Stage = (typeof stages)[number];

export interface CompileOptions extends PlaceOptions {
  /** a preset's name, the path of a JSON file, or a description; default wse2 */
  readonly target?: string | Target;
  /** values of symbolic dims */
  readonly dims?: ReadonlyMap<string, number>;
  readonly onStage?: (stage: Stage) => void;
  readonly onPass?: (pass: Pass, graph: Graph, changed: boolean) => void;
}

/** A model as the passes leave it. */
export interface LoweredModel {
  readonly graph: Graph;
  readonly warnings: readonly Diagnostic[];
}

export interface PlacedModel extends LoweredModel {
  readonly target: Target;
  readonly kernels: KernelGraph;
  readonly placement: Placement;
}

export interface CompiledModel extends PlacedModel {
  readonly compiled: CompiledProgram;
}

/** Reads, lowers and rewrites a model. */
export async function lowerSource(source: ModelSource, options: CompileOptions = {}): Promise<LoweredModel> {
  options.onStage?.("read");
  const { readModel } = await import("./frontend/read-model.ts");
  const model = await readModel(source instanceof URL ? fileURLToPath(source) : source);
  options.onStage?.("lower");
  const { lowerModel } = await import("./frontend/lower.ts");
  const { graph, warnings } = lowerModel(model, { dims: options.dims ?? new Map(), requireStatic: true });
  options.onStage?.("passes");
  const { runPasses } = await import("./passes/pipeline.ts");
  const named = { ...graph, name: nameOf(source) ?? graph.name };
  return { graph: runPasses(named, options.onPass === undefined ? {} : { onPass: options.onPass }), warnings };
}

/** Exporters name every graph alike ("torch_jit"); people know a model by its file. */
function nameOf(source: ModelSource): string | null {
  if (typeof source !== "string" && !(source instanceof URL)) return null;
  const stem = path.basename(source instanceof URL ? source.pathname : source).replace(/\.onnx$/, "");
  return stem === "" || stem === "model" ? null : stem;
}

/** Places a lowered model; the checker has accepted what this returns. */
export async function placeModel(model: LoweredModel, options: CompileOptions = {}): Promise<PlacedModel> {
  const target = await targetOf(options.target ?? "wse2");
  options.onStage?.("kernels");
  const { buildKernelGraph } = await import("./kernels/build.ts");
  const kernels = buildKernelGraph(model.graph);
  options.onStage?.("place");
  const [{ place }, { checkPlacement }] = await Promise.all([
    import("./placement/place.ts"),
    import("./placement/checker/check.ts"),
  ]);
  const placement = await place(kernels, target, options);
  const faults = checkPlacement(kernels, placement, target);
  if (faults.length > 0) throw new WscError(faults);
  return { ...model, target, kernels, placement };
}

/** The whole way from a model to a placed, runnable program. */
export async function compile(source: ModelSource, options: CompileOptions = {}): Promise<CompiledModel> {
  const placed = await placeModel(await lowerSource(source, options), options);
  options.onStage?.("program");
  return { ...placed, compiled: await programOf(placed.graph, placed.kernels) };
}

/** The program of a graph; with a kernel graph, its steps name the kernels. */
export async function programOf(graph: Graph, kernels?: KernelGraph): Promise<CompiledProgram> {
  const { generateProgram } = await import("./codegen/generate.ts");
  if (kernels === undefined) return generateProgram(graph);
  const byOp = new Map(kernels.kernels.map((kernel) => [kernel.op, kernel.id]));
  return generateProgram(graph, { kernelOf: (op) => byOp.get(op) ?? -1 });
}

async function targetOf(target: string | Target): Promise<Target> {
  if (typeof target !== "string") return target;
  const { loadTarget } = await import("./targets/load.ts");
  return loadTarget(target);
}
