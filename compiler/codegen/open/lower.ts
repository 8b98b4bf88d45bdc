/**
 * Open graph -> open program (ir/open/program.ts): every op becomes kernels whose sizes are parameters, every value a place in the weights or in
 * a buffer whose bytes are a `Dim`. Nothing here looks at the shapes at hand: one result serves all shapes that the graph's conditions admit.
 */
import { defined, nth } from "../../../ir/access.ts";
import { NotOpen } from "../../../ir/assumptions.ts";
import { countOf, type Dim, mulDims, sameDim, symbolName } from "../../../ir/dim.ts";
import { storageBytes } from "../../../ir/dtype.ts";
import type { Port, ValueId } from "../../../ir/graph.ts";
import { type CompiledFamily, type FamilyMember, familyVersion, type OpenFamily } from "../../../ir/open/family.ts";
import type { OpenGraph, OpenOp } from "../../../ir/open/graph.ts";
import type {
  CompiledOpenProgram,
  OpenAddress,
  OpenBuffer,
  OpenPlace,
  OpenPort,
  OpenStep,
  OpenSymbol,
} from "../../../ir/open/program.ts";
import type { WeightSegment } from "../../../ir/program.ts";
import { emitModules, kernelNamed, type NamedKernel } from "../kernel-modules.ts";
import { WeightPool } from "../weight-pool.ts";
import { cachePitch, type CachePlan, planCaches } from "./caches.ts";
import { emitOpenConvTranspose } from "./conv-transpose.ts";
import { emitOpenConv } from "./conv.ts";
import { emitOpenPool } from "./depthwise.ts";
import { emitOpenAttention } from "./attention.ts";
import { emitOpenGather } from "./gather.ts";
import type { OpenKernelArg, OpenKernelCode, OpenOperand, OpenOperands } from "./kernel.ts";
import { knownStages } from "./known-shapes.ts";
import { emitOpenMap } from "./map.ts";
import { emitOpenMatmul } from "./matmul.ts";
import {
  emitOpenAppend,
  emitOpenConcat,
  emitOpenCount,
  emitOpenExpand,
  emitOpenPad,
  emitOpenRepeat,
  emitOpenSizes,
  emitOpenSlice,
  emitOpenTranspose,
} from "./movement.ts";
import { emitOpenReduce } from "./reduce.ts";
import { emitOpenNormalize, emitOpenSoftmax } from "./row-kernels.ts";

/** Kernels and weights of one program, or of several that share them. */
interface OpenParts {
  readonly weights: WeightPool;
  readonly kernels: Map<string, NamedKernel>;
}

/** Compiles an open graph. Throws NotOpen for what has no kernel of open sizes. */
export function generateOpenProgram(graph: OpenGraph): CompiledOpenProgram {
  const parts: OpenParts = { weights: new WeightPool(), kernels: new Map() };
  const member = new OpenProgramLowering(graph, parts).run();
  const { shared, binaries, segments } = finishParts(parts);
  return { program: { name: graph.name, ...member, ...shared }, modules: binaries, weights: segments };
}

/** Throws NotOpen for a graph that cannot be compiled; emits nothing. */
export function checkOpenGraph(graph: OpenGraph): void {
  new OpenProgramLowering(graph, { weights: new WeightPool(), kernels: new Map() }).run();
}

/** Compiles open graphs of one model, each of which `checkOpenGraph` has accepted. */
export function generateOpenFamily(
  declared: Pick<OpenFamily, "name" | "inputs" | "outputs" | "dims">,
  graphs: readonly OpenGraph[],
): CompiledFamily {
  const parts: OpenParts = { weights: new WeightPool(), kernels: new Map() };
  const programs = graphs.map((graph) => new OpenProgramLowering(graph, parts).run());
  const { shared, binaries, segments } = finishParts(parts);
  const family: OpenFamily = { kind: "open", version: familyVersion, ...declared, ...shared, programs };
  return { family, modules: binaries, weights: segments };
}

function finishParts({ weights, kernels }: OpenParts): {
  readonly shared: Pick<OpenFamily, "weights" | "modules">;
  readonly binaries: ReadonlyMap<string, Uint8Array>;
  readonly segments: readonly WeightSegment[];
} {
  const { modules, binaries } = emitModules(kernels, {});
  const bytes = weights.byteLength;
  const segments = weights.layout(0);
  return {
    shared: { weights: { bytes, offsets: segments.map(({ offset }) => offset) }, modules },
    binaries,
    segments: segments.filter(({ byteLength }) => byteLength > 0),
  };
}

const kernelsOf = (op: OpenOp, operands: OpenOperands): readonly OpenKernelCode[] =>
  knownStages(op, operands) ?? openStages(op, operands);

function openStages(op: OpenOp, operands: OpenOperands): readonly OpenKernelCode[] {
  switch (op.kind) {
    case "map":
      return emitOpenMap(op.expr, operands);
    case "matmul":
      return emitOpenMatmul(op, operands);
    case "reduce":
      return emitOpenReduce(op, operands);
    case "softmax":
      return emitOpenSoftmax(op, operands);
    case "normalize":
      return emitOpenNormalize(op, operands);
    case "transpose":
      return emitOpenTranspose(op, operands);
    case "concat":
      return emitOpenConcat(op, operands);
    case "gather":
      return emitOpenGather(op, operands);
    case "conv":
      return emitOpenConv(op, operands);
    case "convTranspose":
      return emitOpenConvTranspose(op, operands);
    case "pool":
      return emitOpenPool(op, operands);
    case "pad":
      return emitOpenPad(op, operands);
    case "repeat":
      return emitOpenRepeat(op, operands);
    case "slice":
      return emitOpenSlice(op, operands);
    case "expand":
      return emitOpenExpand(op, operands);
    case "sizes":
      return emitOpenSizes(op.elements, op.dtype);
    case "count":
      return emitOpenCount(op.start, op.step, op.size, op.dtype);
    case "attention":
      return emitOpenAttention(op, operands);
    case "reshape":
      throw new Error("internal: a reshape is a view");
  }
}

interface Lives {
  readonly bytes: Dim;
  readonly first: number;
  last: number;
}

class OpenProgramLowering {
  readonly #graph: OpenGraph;
  readonly #weights: WeightPool;
  readonly #buffers: Lives[] = [];
  readonly #places = new Map<ValueId, OpenPlace>();
  readonly #kernels: Map<string, NamedKernel>;
  readonly #steps: OpenStep[] = [];
  readonly #caches: CachePlan;
  #time = 0;

  constructor(graph: OpenGraph, { weights, kernels }: OpenParts) {
    this.#graph = graph;
    this.#weights = weights;
    this.#kernels = kernels;
    this.#caches = planCaches(graph);
  }

  run(): FamilyMember {
    const { inputs, outputs, ops, conditions } = this.#graph;
    for (const { value } of inputs) this.#places.set(value, this.#newPlace(value));
    const read = readValues(this.#graph);
    for (const op of ops) {
      this.#time++;
      if (op.outputs.some((value) => read.has(value))) this.#lower(op);
    }
    this.#time++;
    const portOf = ({ name, value }: Port): OpenPort => ({ name, ...this.#type(value), place: this.#placeOf(value) });
    const given = outputs.map(portOf);
    return {
      conditions,
      symbols: symbolsIn(this.#graph),
      inputs: inputs.map(portOf),
      outputs: given,
      buffers: this.#buffers.map(({ bytes, first, last }): OpenBuffer => ({ bytes, first, last })),
      caches: this.#caches.caches,
      capacity: this.#caches.capacity,
      steps: this.#steps,
    };
  }

  #type(value: ValueId): OpenOperand {
    return nth(this.#graph.values, value).type;
  }

  #bytes(value: ValueId): Dim {
    const { dtype, dims } = this.#type(value);
    if (dtype === "string") throw new NotOpen("strings");
    return mulDims(countOf(dims), storageBytes(dtype));
  }

  /** A place for what comes into being now. */
  #newPlace(value: ValueId): OpenPlace {
    const cache = this.#caches.cacheOf.get(value);
    return cache === undefined ? this.#newBuffer(this.#bytes(value)) : { kind: "cache", cache };
  }

  /** A value as kernels see it. */
  #operand(value: ValueId): OpenOperand {
    const { cacheOf, caches, capacity } = this.#caches;
    const cache = cacheOf.get(value);
    if (cache === undefined || capacity === null) return this.#type(value);
    return { ...this.#type(value), pitch: cachePitch(capacity, nth(caches, cache)) };
  }

  #stagesOf(op: OpenOp, operands: OpenOperands): readonly OpenKernelCode[] {
    const cache = this.#caches.cacheOf.get(nth(op.outputs, 0));
    if (cache === undefined) return kernelsOf(op, operands);
    return emitOpenAppend(nth(this.#caches.caches, cache).past, nth(operands.inputs, 1), operands.output);
  }

  #newBuffer(bytes: Dim): OpenPlace {
    this.#buffers.push({ bytes, first: this.#time, last: this.#time });
    return { kind: "buffer", buffer: this.#buffers.length - 1 };
  }

  /** Where a value lies, which is used now. */
  #placeOf(value: ValueId): OpenPlace {
    const place = this.#places.get(value) ?? this.#constantPlace(value);
    if (place.kind === "buffer") nth(this.#buffers, place.buffer).last = this.#time;
    return place;
  }

  #constantPlace(value: ValueId): OpenPlace {
    const { constant } = nth(this.#graph.values, value);
    if (constant === undefined) throw new Error(`internal: %${value} is read before it is defined`);
    this.#bytes(value);
    const place: OpenPlace = { kind: "weights", segment: this.#weights.constant(constant) };
    this.#places.set(value, place);
    return place;
  }

  #lower(op: OpenOp): void {
    const output = nth(op.outputs, 0);
    if (op.kind === "reshape") {
      this.#places.set(output, this.#placeOf(nth(op.inputs, 0)));
      return;
    }
    const operands: OpenOperands = {
      inputs: op.inputs.map((value) => this.#operand(value)),
      output: this.#operand(output),
      constants: op.inputs.map((value) => nth(this.#graph.values, value).constant),
      areEqual: sameDim,
    };
    const stages = this.#stagesOf(op, operands);
    this.#places.set(output, this.#newPlace(output));
    const scratch = new Map<number, OpenPlace>();
    for (const code of stages) {
      const args = code.args.map((arg) => this.#address(op, arg, scratch));
      const { units, sizes, work, when, indices } = code;
      const step = { function: kernelNamed(this.#kernels, code).name, args, sizes, units, work, origin: op.origin };
      this.#steps.push({
        ...step,
        ...(when === undefined ? {} : { when }),
        ...(indices === undefined ? {} : { indices }),
      });
    }
  }

  #address(op: OpenOp, arg: OpenKernelArg, scratch: Map<number, OpenPlace>): OpenAddress {
    switch (arg.kind) {
      case "input":
        return { place: this.#placeOf(nth(op.inputs, arg.index)), at: arg.at ?? 0 };
      case "output":
        return { place: this.#placeOf(nth(op.outputs, arg.index)), at: arg.at ?? 0 };
      case "packed": {
        const constant = defined(nth(this.#graph.values, nth(op.inputs, arg.input)).constant);
        return { place: { kind: "weights", segment: this.#weights.packed(constant, arg) }, at: 0 };
      }
      case "scratch": {
        const place = scratch.get(arg.id) ?? this.#newBuffer(arg.bytes);
        scratch.set(arg.id, place);
        if (place.kind === "buffer") nth(this.#buffers, place.buffer).last = this.#time;
        return { place, at: 0 };
      }
    }
  }
}

/** The values that an output depends on: one sweep backwards. */
function readValues(graph: OpenGraph): ReadonlySet<ValueId> {
  const read = new Set(graph.outputs.map(({ value }) => value));
  for (const op of graph.ops.toReversed()) {
    if (op.outputs.some((value) => read.has(value))) for (const input of op.inputs) read.add(input);
  }
  return read;
}

/** Where the sizes of the graph's symbols are read off its inputs: each stands on some dim by itself. */
function symbolsIn(graph: OpenGraph): readonly OpenSymbol[] {
  const symbols = new Map<string, OpenSymbol>();
  for (const [input, { value }] of graph.inputs.entries()) {
    for (const [axis, dim] of nth(graph.values, value).type.dims.entries()) {
      const name = symbolName(dim);
      if (name !== null && !symbols.has(name)) symbols.set(name, { name, input, axis });
    }
  }
  return [...symbols.values()];
}
