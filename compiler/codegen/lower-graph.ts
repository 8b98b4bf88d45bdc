/**
 * Graph -> draft: every op becomes steps, every value a slot. Time is the position in the order of execution, regions counted where they
 * stand; a value's buffer lives from its definition to its last use. What a region reads from outside, and what it carries or gives out,
 * lives as long as the op that the region belongs to.
 */
import { defined, nth } from "../../ir/access.ts";
import { fail } from "../../ir/diagnostic.ts";
import { storageBytes } from "../../ir/dtype.ts";
import {
  type Graph,
  type IfOp,
  type LoopOp,
  type Op,
  opSubject,
  type ScanOp,
  type TensorType,
  tensorType,
  type ValueId,
  type ValueType,
} from "../../ir/graph.ts";
import type { EmptyStack, SlotId } from "../../ir/program.ts";
import { elementCount, type TensorData } from "../../ir/tensor.ts";
import { sameShape } from "../../ir/types.ts";
import type { Attention } from "./attention.ts";
import { bytesTouched } from "./bytes-touched.ts";
import { attentionStages } from "./kernels/attention.ts";
import { contiguousSlices } from "./contiguous-slices.ts";
import type { Buffer, BufferId, Draft, DraftBlock, DraftStep, InPlaceCandidate, Place, Slot } from "./draft.ts";
import { hostInputs } from "./host-inputs.ts";
import { inputParts } from "./input-parts.ts";
import { hostConstant, hostEvaluate, splitEpilogue } from "./host-steps.ts";
import type { KernelArg, KernelCode, Operands } from "./kernel.ts";
import { emitViewedMap } from "./kernels/map.ts";
import { emitViewedCopy } from "./kernels/movement.ts";
import { emitKernels } from "./kernels/registry.ts";
import { isBitView, isNumericTensor, typeOf } from "./op-home.ts";
import type { View } from "./views.ts";
import { attentionName, kernelName, type Scheduler } from "./scheduler.ts";
import { type ConstantUses, countConstants, mergeProducts } from "./merge-products.ts";
import { planOps } from "./plan-ops.ts";
import { type IntegerRange, rangeOfValue } from "./value-range.ts";
import type { WeightPool } from "./weight-pool.ts";

/** Kernel of a top-level op in the kernel graph; -1 for none. */
export type KernelOf = (opIndex: number) => number;

/** Slots of one graph's values (each region is a graph of its own). */
type Scope = Map<ValueId, SlotId>;

/** Lowers a graph; constants go to `weights`. */
export function lowerGraph(graph: Graph, weights: WeightPool, kernelOf: KernelOf, scheduler: Scheduler): Draft {
  return new GraphLowering(weights, kernelOf, scheduler).run(graph);
}

/** Operands on which an op's kernels can put its result: each element is read before its place is written. */
function inPlaceOperands(op: Op, stages: readonly KernelCode[]): readonly number[] {
  if (op.kind === "map") return [...op.inputs.keys()];
  if (op.kind === "softmax" || op.kind === "normalize") return [0];
  const writers = stages.filter(({ args, isCopy }) => isCopy !== true && args.some((arg) => arg.kind === "output"));
  return writers.length === 1 && writers[0] === stages.at(-1) ? (stages.at(-1)?.inPlace ?? []) : [];
}

class GraphLowering {
  readonly #weights: WeightPool;
  readonly #kernelOf: KernelOf;
  readonly #scheduler: Scheduler;
  readonly #slots: Slot[] = [];
  readonly #buffers: Buffer[] = [];
  readonly #inPlace: InPlaceCandidate[] = [];
  #uses: ConstantUses = new Map();
  /** slices that need no copy, and where in their operand they begin (bytes) */
  #pieces: ReadonlyMap<Op, number> = new Map();
  #time = 0;

  constructor(weights: WeightPool, kernelOf: KernelOf, scheduler: Scheduler) {
    this.#weights = weights;
    this.#kernelOf = kernelOf;
    this.#scheduler = scheduler;
  }

  run(graph: Graph): Draft {
    this.#uses = countConstants(graph);
    const scope: Scope = new Map();
    const inputs = this.#defineInputs(graph, scope);
    this.#time++;
    const steps: DraftStep[] = [];
    this.#lowerOps(graph, scope, steps, this.#kernelOf);
    this.#time++;
    const outputs = graph.outputs.map(({ value, name }) => {
      const slot = this.#slotOf(graph, scope, value, steps);
      const isOwn = nth(this.#slots, slot).place?.kind !== "weights";
      const result = isOwn ? slot : this.#copy(slot, steps, [name]);
      this.#touch(result);
      return result;
    });
    return {
      inputs,
      outputs,
      slots: this.#slots,
      buffers: this.#buffers,
      inPlace: this.#inPlace,
      steps,
    };
  }

  // ---- slots and buffers ----------------------------------------------------------------------------------------------------------

  #newBuffer(bytes: number): BufferId {
    this.#buffers.push({ bytes, first: this.#time, last: this.#time });
    return this.#buffers.length - 1;
  }

  #newSlot(type: ValueType, place: Place | null): SlotId {
    this.#slots.push({ type, place });
    return this.#slots.length - 1;
  }

  /** A slot of its own for a value: memory for tensors of known shape, else a JavaScript value. */
  #allocate(type: ValueType): SlotId {
    if (!isNumericTensor(type)) return this.#newSlot(type, null);
    const bytes = elementCount(type.shape) * storageBytes(type.dtype);
    return this.#newSlot(type, { kind: "buffer", buffer: this.#newBuffer(bytes), at: 0 });
  }

  #define(scope: Scope, value: ValueId, type: ValueType): SlotId {
    const slot = this.#allocate(type);
    scope.set(value, slot);
    return slot;
  }

  /** Inputs that lie in a concat's result bring that into being; those of JavaScript alone have no place in memory. */
  #defineInputs(graph: Graph, scope: Scope): readonly SlotId[] {
    const parts = inputParts(graph);
    const outside = hostInputs(graph);
    return graph.inputs.map(({ value }) => {
      const type = typeOf(graph, value);
      if (outside.has(value)) {
        const slot = this.#newSlot(type, null);
        scope.set(value, slot);
        return slot;
      }
      const part = parts.get(value);
      if (part === undefined) return this.#define(scope, value, type);
      const { whole, ...pieces } = part;
      const buffer = this.#bufferOf(scope.get(whole) ?? this.#define(scope, whole, typeOf(graph, whole)));
      const slot = this.#newSlot(type, { kind: "part", buffer: defined(buffer), ...pieces });
      scope.set(value, slot);
      return slot;
    });
  }

  #bufferOf(slot: SlotId): BufferId | null {
    const place = this.#slots[slot]?.place;
    return place?.kind === "buffer" ? place.buffer : null;
  }

  /** Marks a slot as used now. */
  #touch(slot: SlotId): void {
    const buffer = this.#bufferOf(slot);
    if (buffer === null) return;
    const found = nth(this.#buffers, buffer);
    found.first = Math.min(found.first, this.#time);
    found.last = Math.max(found.last, this.#time);
  }

  /** The slot of a value; a constant gets one (in each scope) when it is asked for. */
  #slotOf(graph: Graph, scope: Scope, value: ValueId, steps: DraftStep[]): SlotId {
    const known = scope.get(value);
    if (known !== undefined) {
      this.#touch(known);
      return known;
    }
    const { constant, type } = nth(graph.values, value);
    if (constant === undefined) throw new Error(`internal: %${value} of ${graph.name} is read before it is defined`);
    if (!isNumericTensor(type)) {
      const slot = this.#newSlot(type, null);
      steps.push(hostConstant(constant, slot));
      // a step that makes the constant may stand in a branch: it is made again wherever it is read
      return slot;
    }
    const slot = this.#newSlot(type, { kind: "weights", segment: this.#weights.constant(constant) });
    scope.set(value, slot);
    return slot;
  }

  #copy(from: SlotId, steps: DraftStep[], origin: readonly string[]): SlotId {
    const to = this.#allocate(nth(this.#slots, from).type);
    this.#pushCopy(from, to, steps, origin);
    return to;
  }

  #pushCopy(from: SlotId, to: SlotId, steps: DraftStep[], origin: readonly string[]): void {
    this.#touch(from);
    this.#touch(to);
    steps.push({ kind: "copy", from, to, origin });
  }

  // ---- ops ------------------------------------------------------------------------------------------------------------------------

  #lowerOps(unmerged: Graph, scope: Scope, steps: DraftStep[], kernelOf: KernelOf): void {
    const { graph, indexOf } = mergeProducts(unmerged, this.#uses);
    const pieces = this.#pieces;
    this.#pieces = contiguousSlices(graph);
    for (const { index, op, attention, views } of planOps(graph)) {
      const kernel = kernelOf(nth(indexOf, index));
      if (attention !== null) this.#lowerAttention(graph, scope, attention, steps, kernel);
      else if (views !== null) this.#lowerViewed(graph, scope, op, views, steps, kernel);
      else this.#lowerOp(graph, scope, op, steps, kernel);
      this.#time++;
    }
    this.#pieces = pieces;
  }

  #lowerAttention(graph: Graph, scope: Scope, attention: Attention, steps: DraftStep[], kernel: number): void {
    const { spec, inputs, output, origin } = attention;
    const types = (values: readonly ValueId[]): TensorType[] =>
      values.map((value) => typeOf(graph, value) as TensorType);
    const [inputTypes, outputTypes] = [types(inputs), types([output])];
    const stages = this.#scheduler({
      name: () => attentionName(spec, nth(outputTypes, 0)),
      inputs: inputTypes,
      outputs: outputTypes,
      emit: (choose) => attentionStages(spec, choose),
    });
    if (stages === null) throw new Error("internal: an attention without kernels");
    this.#lowerKernels(graph, scope, { inputs, outputs: [output], origin }, stages, steps, kernel);
  }

  /** A map or movement with operands that are parts of others; it cannot overwrite those, which it reads in another order. */
  #lowerViewed(
    graph: Graph,
    scope: Scope,
    op: Op,
    views: readonly (View | null)[],
    steps: DraftStep[],
    kernel: number,
  ): void {
    const { inputs, ...whole } = operandsOf(graph, op);
    if (op.kind !== "map") {
      const stages = emitViewedCopy(op.kind, nth(inputs, 0).dtype, defined(views[0]));
      this.#lowerKernels(graph, scope, op, stages, steps, kernel);
      return;
    }
    const seen = inputs.map((type, i) => ({ ...type, shape: views[i]?.shape ?? type.shape }));
    this.#lowerKernels(graph, scope, op, emitViewedMap(op, { ...whole, inputs: seen }, views), steps, kernel);
    this.#offerInPlace(graph, scope, op, [...views.keys()].filter((index) => views[index] === null)); // prettier-ignore
  }

  #lowerOp(graph: Graph, scope: Scope, op: Op, steps: DraftStep[], kernel: number): void {
    if (op.kind === "host" && isBitView(graph, op)) this.#view(graph, scope, op, steps);
    else if (op.kind === "host" || op.kind === "deferred") this.#lowerHost(graph, scope, op, steps);
    else if (op.kind === "if") this.#lowerIf(graph, scope, op, steps);
    else if (op.kind === "loop") this.#lowerLoop(graph, scope, op, steps);
    else if (op.kind === "scan") this.#lowerScan(graph, scope, op, steps);
    else this.#lowerStatic(graph, scope, op, steps, kernel);
  }

  #lowerHost(graph: Graph, scope: Scope, op: Extract<Op, { kind: "host" | "deferred" }>, steps: DraftStep[]): void {
    const inputs = op.inputs.map((value) => this.#slotOf(graph, scope, value, steps));
    const outputs = op.outputs.map((value) => this.#define(scope, value, typeOf(graph, value)));
    const { origin, reason } = op;
    if (op.kind === "host") {
      steps.push({ kind: "host", fn: op.fn, attributes: op.attributes, inputs, outputs, reason, origin });
      return;
    }
    const { inputNames, outputNames, valueInputs = [] } = op;
    const [payload, ...operands] = inputs;
    if (payload === undefined) throw new Error("internal: a deferred op without payload");
    steps.push({
      kind: "deferred",
      payload,
      inputNames,
      inputs: operands,
      outputNames,
      outputs,
      reason,
      valueInputs,
      origin,
    });
  }

  /** An op of known shapes: a view, kernels, or (for strings, and where no kernel exists) the reference on the host. */
  #lowerStatic(graph: Graph, scope: Scope, op: Op, steps: DraftStep[], kernel: number): void {
    const types = [...op.inputs, ...op.outputs].map((value) => typeOf(graph, value));
    const isNumeric = types.every(isNumericTensor);
    if (isNumeric && (op.kind === "reshape" || this.#isPiece(graph, scope, op, steps))) {
      this.#view(graph, scope, op, steps);
      return;
    }
    const operands = isNumeric ? operandsOf(graph, op) : null;
    const stages =
      operands === null
        ? null
        : this.#scheduler({
            name: () => kernelName(op, operands),
            inputs: operands.inputs,
            outputs: operands.outputs,
            emit: (choose) => emitKernels(op, operands, choose),
          });
    if (stages === null) this.#lowerFallback(graph, scope, op, steps, kernel);
    else {
      this.#lowerKernels(graph, scope, op, stages, steps, kernel);
      this.#offerInPlace(graph, scope, op, inPlaceOperands(op, stages));
    }
  }

  #isPiece(graph: Graph, scope: Scope, op: Op, steps: DraftStep[]): boolean {
    if (!this.#pieces.has(op)) return false;
    const { place } = nth(this.#slots, this.#slotOf(graph, scope, nth(op.inputs, 0), steps));
    return place?.kind === "buffer";
  }

  /** The result is the operand's bytes, or a piece of them, under another type. */
  #view(graph: Graph, scope: Scope, op: Op, steps: DraftStep[]): void {
    const [input] = op.inputs as readonly [ValueId];
    const [output] = op.outputs as readonly [ValueId];
    const { place } = nth(this.#slots, this.#slotOf(graph, scope, input, steps));
    const at = this.#pieces.get(op) ?? 0;
    const moved = place?.kind === "buffer" ? { ...place, at: place.at + at } : place;
    scope.set(output, this.#newSlot(typeOf(graph, output), moved));
  }

  #lowerKernels(
    graph: Graph,
    scope: Scope,
    op: Pick<Op, "inputs" | "outputs" | "origin">,
    stages: readonly KernelCode[],
    steps: DraftStep[],
    kernel: number,
  ): void {
    const outputs = op.outputs.map((value) => scope.get(value) ?? this.#define(scope, value, typeOf(graph, value)));
    for (const slot of outputs) this.#touch(slot);
    const scratch = new Map<number, BufferId>();
    const placeOf = (arg: KernelArg): Place => {
      switch (arg.kind) {
        case "input": {
          const slot = this.#slotOf(graph, scope, nth(op.inputs, arg.index), steps);
          return defined(nth(this.#slots, slot).place);
        }
        case "output":
          return defined(nth(this.#slots, nth(outputs, arg.index)).place);
        case "packed": {
          const constant = nth(graph.values, nth(op.inputs, arg.input)).constant;
          if (constant === undefined)
            throw new Error(`internal: packed operand ${arg.input} of ${op.origin.join()} is no constant`);
          return { kind: "weights", segment: this.#weights.packed(constant, arg) };
        }
        case "scratch": {
          const buffer = scratch.get(arg.id) ?? this.#newBuffer(arg.byteLength);
          scratch.set(arg.id, buffer);
          return { kind: "buffer", buffer, at: 0 };
        }
      }
    };
    const typeOfArg = (arg: KernelArg & { readonly kind: "input" | "output" }): ValueType =>
      arg.kind === "input" ? typeOf(graph, nth(op.inputs, arg.index)) : nth(this.#slots, nth(outputs, arg.index)).type;
    for (const code of stages) {
      if (code.units === 0) continue;
      const args = code.args.map(placeOf);
      // what the caller has put in place needs no copy
      if (args.some(({ kind }) => kind === "part")) continue;
      steps.push({ kind: "kernel", code, args, bytes: bytesTouched(code, typeOfArg), origin: op.origin, kernel });
    }
  }

  /** One of some operands with the output's shape and element size may give its place, if it is not read in another form. */
  #offerInPlace(graph: Graph, scope: Scope, op: Op, indices: readonly number[]): void {
    const output = defined(scope.get(nth(op.outputs, 0)));
    const target = this.#bufferOf(output);
    const type = nth(this.#slots, output).type as TensorType;
    const operands = op.inputs.map((value, index) => {
      const slot = scope.get(value);
      const buffer = slot === undefined ? null : this.#bufferOf(slot);
      const { shape, dtype } = typeOf(graph, value) as TensorType;
      const isAlike = sameShape(shape, type.shape) && storageBytes(dtype) === storageBytes(type.dtype);
      return { buffer, fits: indices.includes(index) && isAlike };
    });
    for (const { buffer, fits } of operands) {
      if (buffer === null || target === null || !fits) continue;
      const readers = operands.filter((operand) => operand.buffer === buffer);
      if (readers.every((reader) => reader.fits)) this.#inPlace.push({ from: buffer, to: target });
    }
  }

  #lowerFallback(graph: Graph, scope: Scope, op: Op, steps: DraftStep[], kernel: number): void {
    const split = splitEpilogue(op, (value) => typeOf(graph, value));
    if (split !== null) {
      this.#lowerSplit(graph, scope, op, split, steps, kernel);
      return;
    }
    const inputs = op.inputs.map((value) => this.#slotOf(graph, scope, value, steps));
    const outputs = op.outputs.map((value) => this.#define(scope, value, typeOf(graph, value)));
    const step = hostEvaluate(op, inputs, outputs);
    if (step === null) {
      throw fail("WSC6001", "there is no kernel for this operation on operands of these types", {
        subject: opSubject(op),
      });
    }
    steps.push(step);
  }

  /** The op without its epilogue on the host, then the epilogue as a map. */
  #lowerSplit(
    graph: Graph,
    scope: Scope,
    op: Op,
    { plain, map, accumulator }: NonNullable<ReturnType<typeof splitEpilogue>>,
    steps: DraftStep[],
    kernel: number,
  ): void {
    const between = graph.values.length;
    const values = [...graph.values, { type: accumulator, name: "" }];
    const extended: Graph = { ...graph, values };
    this.#lowerStatic(extended, scope, { ...plain, outputs: [between] }, steps, kernel);
    // the map runs later than what makes its operand: in place of another operand it must not be born with that one
    this.#time++;
    this.#lowerStatic(
      extended,
      scope,
      { ...map, inputs: [between, ...map.inputs], outputs: op.outputs },
      steps,
      kernel,
    );
    scope.delete(between);
  }

  // ---- regions --------------------------------------------------------------------------------------------------------------------

  /** Slots that a region reads under its inputs. */
  #lowerRegion(region: Graph, inputs: readonly SlotId[]): { block: DraftBlock; outputs: SlotId[] } {
    const scope: Scope = new Map();
    for (const [index, { value }] of region.inputs.entries()) {
      const slot = inputs[index];
      if (slot === undefined) throw new Error(`internal: region ${region.name} lacks input ${index}`);
      scope.set(value, slot);
    }
    const steps: DraftStep[] = [];
    this.#time++;
    this.#lowerOps(region, scope, steps, () => -1);
    const outputs = region.outputs.map(({ value }) => this.#slotOf(region, scope, value, steps));
    return { block: { steps }, outputs };
  }

  /** Everything that must outlive a region: touched when it begins and when it has ended. */
  #spanning(slots: readonly SlotId[], body: () => void): void {
    for (const slot of slots) this.#touch(slot);
    body();
    this.#time++;
    for (const slot of slots) this.#touch(slot);
  }

  #lowerIf(graph: Graph, scope: Scope, op: IfOp, steps: DraftStep[]): void {
    const [condition, ...captured] = op.inputs.map((value) => this.#slotOf(graph, scope, value, steps));
    if (condition === undefined) throw new Error("internal: an if without condition");
    const outputs = op.outputs.map((value) => this.#define(scope, value, typeOf(graph, value)));
    this.#spanning([...captured, ...outputs], () => {
      const branch = (region: Graph): DraftBlock => {
        const { block, outputs: results } = this.#lowerRegion(region, captured);
        const copies: DraftStep[] = [];
        this.#time++;
        for (const [index, from] of results.entries()) this.#pushCopy(from, nth(outputs, index), copies, op.origin);
        return { steps: [...block.steps, ...copies] };
      };
      steps.push({ kind: "if", condition, then: branch(op.then), else: branch(op.else), origin: op.origin });
    });
  }

  #lowerLoop(graph: Graph, scope: Scope, op: LoopOp, steps: DraftStep[]): void {
    const inputs = op.inputs.map((value) => this.#slotOf(graph, scope, value, steps));
    const [tripCount, initialCondition] = inputs as [SlotId, SlotId];
    const initial = inputs.slice(2, 2 + op.carried);
    const captured = inputs.slice(2 + op.carried);
    const bodyType = (index: number): ValueType => typeOf(op.body, nth(op.body.inputs, index).value);
    const iteration = this.#allocate(tensorType("i64", []));
    const condition = this.#allocate(tensorType("bool", []));
    const carried = initial.map((_, index) => this.#allocate(bodyType(2 + index)));
    for (const [index, from] of initial.entries()) this.#pushCopy(from, nth(carried, index), steps, op.origin);
    const stacks = op.outputs.slice(op.carried).map((value) => this.#define(scope, value, typeOf(graph, value)));
    this.#spanning([iteration, condition, ...inputs, ...carried, ...stacks], () => {
      const { block, outputs } = this.#lowerRegion(op.body, [iteration, condition, ...carried, ...captured]);
      const moves = carried.map((to, index) => ({ from: nth(outputs, 1 + index), to }));
      const stacked = stacks.map((to, index) => ({
        from: nth(outputs, 1 + op.carried + index),
        to,
        ...emptyStack(op, 1 + op.carried, index),
      }));
      this.#time++;
      for (const slot of outputs) this.#touch(slot);
      steps.push({
        kind: "loop",
        tripCount,
        initialCondition,
        iteration,
        condition,
        bodyCondition: nth(outputs, 0),
        carried: moves,
        stacked,
        body: block,
        origin: op.origin,
      });
    });
    this.#giveCarried(graph, scope, op, carried, steps);
  }

  /** What a loop carried is its result: the same slot, or a copy where the types differ. */
  #giveCarried(graph: Graph, scope: Scope, op: LoopOp | ScanOp, carried: readonly SlotId[], steps: DraftStep[]): void {
    for (const [index, slot] of carried.entries()) {
      const value = nth(op.outputs, index);
      const type = typeOf(graph, value);
      const isSame = isNumericTensor(type) === (nth(this.#slots, slot).place !== null);
      if (isSame) scope.set(value, slot);
      else this.#pushCopy(slot, this.#define(scope, value, type), steps, op.origin);
    }
  }

  #lowerScan(graph: Graph, scope: Scope, op: ScanOp, steps: DraftStep[]): void {
    const inputs = op.inputs.map((value) => this.#slotOf(graph, scope, value, steps));
    const initial = inputs.slice(0, op.carried);
    const scanned = inputs.slice(op.carried, op.carried + op.scanned);
    const captured = inputs.slice(op.carried + op.scanned);
    const bodySlots = op.body.inputs
      .slice(0, op.carried + op.scanned)
      .map(({ value }) => this.#allocate(typeOf(op.body, value)));
    const carried = bodySlots.slice(0, op.carried);
    for (const [index, from] of initial.entries()) this.#pushCopy(from, nth(carried, index), steps, op.origin);
    const stacks = op.outputs.slice(op.carried).map((value) => this.#define(scope, value, typeOf(graph, value)));
    this.#spanning([...inputs, ...bodySlots, ...stacks], () => {
      const { block, outputs } = this.#lowerRegion(op.body, [...bodySlots, ...captured]);
      this.#time++;
      for (const slot of outputs) this.#touch(slot);
      steps.push({
        kind: "scan",
        length: scanLength(graph, op),
        slices: scanned.map((from, index) => ({
          from,
          to: nth(bodySlots, op.carried + index),
          axis: op.inputAxes[index] ?? 0,
          reverse: op.inputReverse[index] ?? false,
        })),
        carried: carried.map((to, index) => ({ from: nth(outputs, index), to })),
        stacked: stacks.map((to, index) => ({
          from: nth(outputs, op.carried + index),
          to,
          axis: op.outputAxes[index] ?? 0,
          reverse: op.outputReverse[index] ?? false,
          ...emptyStack(op, op.carried, index),
        })),
        body: block,
        origin: op.origin,
      });
    });
    this.#giveCarried(graph, scope, op, carried, steps);
  }
}

function operandsOf(graph: Graph, op: Op): Operands {
  const types = (values: readonly ValueId[]): TensorType[] => values.map((value) => typeOf(graph, value) as TensorType);
  const constants = op.inputs.map((value): TensorData | undefined => nth(graph.values, value).constant);
  const rangeOf = (index: number): IntegerRange | null => rangeOfValue(graph, nth(op.inputs, index));
  return { inputs: types(op.inputs), outputs: types(op.outputs), constants, rangeOf };
}

/** What stacked result `index`, counted from the body's output `first`, is without an iteration, where its slot does not say it. */
function emptyStack({ body, emptyShapes }: LoopOp | ScanOp, first: number, index: number): EmptyStack {
  if (isNumericTensor(typeOf(body, nth(body.outputs, first + index).value))) return {};
  return emptyShapes === undefined ? {} : { emptyShape: nth(emptyShapes, index) };
}

function scanLength(graph: Graph, op: ScanOp): number {
  const first = op.inputs[op.carried];
  const type = first === undefined ? undefined : typeOf(graph, first);
  const length = type?.kind === "tensor" ? type.shape[op.inputAxes[0] ?? 0] : undefined;
  if (length === undefined) throw new Error("internal: a scan over tensors of unknown shape");
  return length;
}
