/**
 * Graph -> program: draft steps (lower-graph.ts), plan memory, resolve places to addresses, emit the kernels.
 *
 *     memory   | weights: each constant once | arena: buffers that share bytes when they do not live at one time |
 */
import { defined, nth } from "../../ir/access.ts";
import { fail } from "../../ir/diagnostic.ts";
import type { Graph, TensorType } from "../../ir/graph.ts";
import { alignUp, planArena } from "../../ir/memory-plan.ts";
import { maxMemoryBytes } from "../../ir/program-text.ts";
import {
  type Block,
  type CompiledProgram,
  type Program,
  type ProgramPort,
  type ProgramValue,
  programVersion,
  type Step,
  type WeightSegment,
} from "../../ir/program.ts";
import type { BufferId, Draft, DraftBlock, DraftStep, Place } from "./draft.ts";
import type { KernelCode } from "./kernel.ts";
import { type KernelOf, lowerGraph } from "./lower-graph.ts";
import { refuseOversized } from "./weight-bound.ts";
import { joinedScheduler, modelScheduler, type Scheduler } from "./scheduler.ts";
import { emitModules, kernelNamed, type NamedKernel } from "./kernel-modules.ts";
import { WeightPool } from "./weight-pool.ts";

export interface GenerateOptions {
  /** kernel of a top-level op in the kernel graph; -1 for none */
  readonly kernelOf?: KernelOf;
  /** leaves out the module that uses relaxed SIMD */
  readonly plainSimdOnly?: boolean;
  /** adds a module for engines that join pairs of vectors; tiles, and so weights, are laid out for it */
  readonly joinVectors?: boolean;
  /** decides what kernels leave open; default: the cost model */
  readonly scheduler?: Scheduler;
}

/** Compiles a graph of static shapes (and host ops) to a program. Throws WSC6001 and WSC1009. */
export function generateProgram(graph: Graph, options: GenerateOptions = {}): CompiledProgram {
  refuseOversized(graph);
  const weights = new WeightPool();
  const scheduler = options.scheduler ?? (options.joinVectors === true ? joinedScheduler : modelScheduler);
  const draft = lowerGraph(graph, weights, options.kernelOf ?? (() => -1), scheduler);
  const { bufferOffsets, arenaBytes } = placeBuffers(draft);
  const weightsBytes = weights.byteLength;
  checkMemory(graph, weightsBytes, arenaBytes);
  const segments = weights.layout(0);
  const arenaOffset = alignUp(weightsBytes);
  const addressOf = (place: Place): number => {
    if (place.kind === "weights") return nth(segments, place.segment).offset;
    return arenaOffset + nth(bufferOffsets, place.buffer) + place.at;
  };
  const kernels = new Map<string, NamedKernel>();
  const block = resolveBlock(draft, addressOf, (code) => kernelNamed(kernels, code).name);
  const { modules, binaries } = emitModules(kernels, options);
  const program: Program = {
    version: programVersion,
    name: graph.name,
    inputs: ports(graph, graph.inputs, draft.inputs),
    outputs: ports(graph, graph.outputs, draft.outputs),
    memory: { weightsOffset: 0, weightsBytes, arenaOffset, arenaBytes },
    modules,
    values: draft.slots.map(({ type, place }) => programValue(type, place, addressOf)),
    ...block,
  };
  return { program, modules: binaries, weights: segments.filter(hasBytes) };
}

const hasBytes = ({ byteLength }: WeightSegment): boolean => byteLength > 0;

// ---- memory -----------------------------------------------------------------------------------------------------------------------

interface BufferPlan {
  /** bytes from the arena's start */
  readonly bufferOffsets: readonly number[];
  readonly arenaBytes: number;
}

/** Merges outputs into dying operands where that was offered, then plans what is left. */
function placeBuffers(draft: Draft): BufferPlan {
  const merged = mergeInPlace(draft);
  const roots = [...new Set(merged)];
  const plan = planArena(roots.map((root) => nth(draft.buffers, root)));
  const offsetOf = new Map(roots.map((root, index) => [root, nth(plan.offsets, index)]));
  return { bufferOffsets: merged.map((root) => defined(offsetOf.get(root))), arenaBytes: plan.bytes };
}

/** For each buffer the one that it shares its place with. An operand dies where the output is born: their lives make one. */
function mergeInPlace({ buffers, inPlace }: Draft): BufferId[] {
  const parent = buffers.map((_, index) => index);
  const rootOf = (buffer: BufferId): BufferId => {
    let root = buffer;
    while (parent[root] !== root) root = nth(parent, root);
    for (let at = buffer; at !== root;) {
      const next = nth(parent, at);
      parent[at] = root;
      at = next;
    }
    return root;
  };
  for (const candidate of inPlace) {
    const from = rootOf(candidate.from);
    const to = rootOf(candidate.to);
    const [operand, output] = [nth(buffers, from), nth(buffers, to)];
    if (from === to || operand.last !== output.first || operand.bytes !== output.bytes) continue;
    operand.last = output.last;
    parent[to] = from;
  }
  return buffers.map((_, index) => rootOf(index));
}

function checkMemory(graph: Graph, weightsBytes: number, arenaBytes: number): void {
  const total = alignUp(weightsBytes) + arenaBytes;
  if (total <= maxMemoryBytes) return;
  const gib = (bytes: number): string => (bytes / 2 ** 30).toFixed(1);
  throw fail(
    "WSC1009",
    `the program needs ${gib(total)} GiB of memory (${gib(weightsBytes)} weights, ${gib(arenaBytes)} activations); WebAssembly has 4 GiB`,
    { subject: graph.name, hint: "bind smaller dims, or use a smaller element type" },
  );
}

// ---- resolution -------------------------------------------------------------------------------------------------------------------

type AddressOf = (place: Place) => number;

function programValue(type: ProgramPort["type"], place: Place | null, addressOf: AddressOf): ProgramValue {
  if (place === null) return { kind: "host", type };
  const { dtype, shape } = type as TensorType;
  if (place.kind === "part") {
    const { pieceBytes, stride } = place;
    return { kind: "part", offset: addressOf(place), dtype, shape, pieceBytes, stride };
  }
  const region = place.kind === "weights" ? "weights" : "arena";
  return { kind: "memory", offset: addressOf(place), dtype, shape, region };
}

const ports = (graph: Graph, list: Graph["inputs"], slots: readonly number[]): ProgramPort[] =>
  list.map(({ name, value }, index) => ({ name, type: nth(graph.values, value).type, slot: nth(slots, index) }));

function resolveBlock(block: DraftBlock, addressOf: AddressOf, nameOf: (code: KernelCode) => string): Block {
  const steps = block.steps.filter((step) => !isCopyInPlace(step, addressOf));
  return { steps: steps.map((step) => resolveStep(step, addressOf, nameOf)) };
}

/** True for a copy whose target was put on its source. */
function isCopyInPlace(step: DraftStep, addressOf: AddressOf): boolean {
  if (step.kind !== "kernel" || step.code.isCopy !== true) return false;
  const [from, to] = step.args.map(addressOf);
  return from === to;
}

function resolveStep(step: DraftStep, addressOf: AddressOf, nameOf: (code: KernelCode) => string): Step {
  const inner = (block: DraftBlock): Block => resolveBlock(block, addressOf, nameOf);
  switch (step.kind) {
    case "kernel": {
      const { code, args, bytes, origin, kernel } = step;
      const work = Math.min(Math.ceil(code.work), Number.MAX_SAFE_INTEGER);
      const own = code.args.flatMap((given, arg) =>
        given.kind === "scratch" && given.isPrivate === true ? [{ arg, bytes: given.byteLength }] : [],
      );
      const call = { function: nameOf(code), args: args.map(addressOf), units: code.units, private: own };
      const indices = code.indices === undefined ? {} : { indices: code.indices };
      return { kind: "kernel", ...call, work, bytes, kernel, ...indices, origin };
    }
    case "host":
    case "copy":
    case "deferred":
      return step;
    case "if":
      return { ...step, then: inner(step.then), else: inner(step.else) };
    case "loop":
    case "scan":
      return { ...step, body: inner(step.body) };
  }
}
