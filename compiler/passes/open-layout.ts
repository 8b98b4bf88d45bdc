/**
 * Layouts of open graphs: convolutions and pools work channels-last, as `assign-layout` and `sink-transposes` have it for known shapes, in one sweep.
 * A value may be there in both layouts: which one an op reads it in decides whether it works channels-last, and what has no form of that is
 * turned back. Transposes stay where an image comes in, goes out, or meets an op that knows no images.
 */
import { defined, nth } from "../../ir/access.ts";
import { areStatic, countOf, type Dim } from "../../ir/dim.ts";
import type { MapOp, ValueId } from "../../ir/graph.ts";
import { permute, toChannelsFirst, toChannelsLast } from "../../ir/image-layout.ts";
import type { OpenGraph, OpenOp, OpenOpOf, OpenOpSpec, OpenType, OpenValue } from "../../ir/open/graph.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { evaluateOp } from "../../runtime/reference/evaluate.ts";

export function layOutOpenGraph(graph: OpenGraph): OpenGraph {
  if (!graph.ops.some(({ kind }) => kind === "conv" || kind === "convTranspose" || kind === "pool")) return graph;
  return new LayoutSweep(graph).run();
}

class LayoutSweep {
  readonly #graph: OpenGraph;
  readonly #values: OpenValue[];
  readonly #ops: OpenOp[] = [];
  /** values in the old layout that are there; results that are only channels-last are not */
  readonly #missing = new Set<ValueId>();
  /** channels-last forms, by value */
  readonly #last = new Map<ValueId, ValueId>();
  #origin: readonly string[] = [];

  constructor(graph: OpenGraph) {
    this.#graph = graph;
    this.#values = [...graph.values];
  }

  run(): OpenGraph {
    for (const op of this.#graph.ops) {
      this.#origin = op.origin;
      if (!this.#lower(op)) this.#keep(op);
    }
    this.#origin = [];
    for (const { value } of this.#graph.outputs) this.#first(value);
    return { ...this.#graph, values: this.#values, ops: this.#ops };
  }

  /** The op as it is, over operands as they are. */
  #keep(op: OpenOp): void {
    for (const value of op.inputs) this.#first(value);
    this.#ops.push(op);
  }

  /** The op channels-last; false where it stays as it is. */
  #lower(op: OpenOp): boolean {
    switch (op.kind) {
      case "conv":
        return this.#conv(op);
      case "convTranspose":
        return this.#convTranspose(op);
      case "pool":
        if (op.layout === "nhwc") return false;
        this.#give(op, { ...op, layout: "nhwc", inputs: [this.#imageOf(nth(op.inputs, 0))] });
        return true;
      case "map":
        return this.#map(op);
      case "concat":
        return this.#concat(op);
      default:
        return this.#moved(op);
    }
  }

  #conv(op: OpenOpOf<"conv">): boolean {
    const weights = nth(op.inputs, 1);
    const constant = this.#constantOf(weights);
    const rank = op.strides.length + 2;
    if (op.layout === "nhwc" || constant === undefined || op.epilogue !== null) return false;
    // [M, C/g, kernel…] -> [kernel…, C/g, M]
    const turned = this.#constant(transposed(constant, [...toChannelsLast(rank).slice(1), 0]));
    this.#give(op, { ...op, layout: "nhwc", inputs: [this.#imageOf(nth(op.inputs, 0)), turned] });
    return true;
  }

  #convTranspose(op: OpenOpOf<"convTranspose">): boolean {
    if (op.layout === "nhwc" || op.epilogue !== null) return false;
    this.#give(op, { ...op, layout: "nhwc", inputs: [this.#imageOf(nth(op.inputs, 0)), nth(op.inputs, 1)] });
    return true;
  }

  /** Worthwhile where an operand of the result's rank is channels-last, and the others need no transpose that counts. */
  #map(op: MapOp): boolean {
    const { dims } = this.#typeOf(nth(op.outputs, 0));
    const rank = dims.length;
    const isHere = (value: ValueId): boolean => this.#last.has(value) && this.#typeOf(value).dims.length === rank;
    if (rank < 3 || !op.inputs.some(isHere)) return false;
    const inputs = op.inputs.map((value) =>
      isHere(value) ? defined(this.#last.get(value)) : this.#turnedFree(value, rank),
    );
    if (!inputs.every((value) => value !== null)) return false;
    this.#give(op, { ...op, inputs });
    return true;
  }

  #concat(op: OpenOpOf<"concat">): boolean {
    const rank = this.#typeOf(nth(op.outputs, 0)).dims.length;
    const here = op.inputs.filter((value) => this.#last.has(value) || this.#constantOf(value) !== undefined);
    if (rank < 4 || here.length * 2 < op.inputs.length || !op.inputs.some((value) => this.#last.has(value)))
      return false;
    const inputs = op.inputs.map((value) => this.#imageOf(value));
    this.#give(op, { ...op, inputs, axis: toChannelsLast(rank).indexOf(op.axis) });
    return true;
  }

  /** Kinds whose attributes name axes, over an image that is channels-last already. */
  #moved(op: OpenOp): boolean {
    const [first, ...rest] = op.inputs;
    const image = first === undefined ? undefined : this.#last.get(first);
    if (first === undefined || image === undefined) return false;
    const perm = toChannelsLast(this.#typeOf(first).dims.length);
    const axisOf = (axis: number): number => perm.indexOf(axis);
    const inputs = [image, ...rest];
    switch (op.kind) {
      case "repeat":
        this.#give(op, { ...op, inputs, factors: permute(op.factors, perm) });
        return true;
      case "slice": {
        const { starts, sizes, steps } = op;
        this.#give(op, {
          ...op,
          inputs,
          starts: permute(starts, perm),
          sizes: permute(sizes, perm),
          steps: permute(steps, perm),
        });
        return true;
      }
      case "pad":
        this.#give(op, { ...op, inputs, before: permute(op.before, perm), after: permute(op.after, perm) });
        return true;
      case "softmax":
        this.#give(op, { ...op, inputs, axis: axisOf(op.axis) });
        return true;
      case "reduce":
        if (!op.keepDims) return false;
        this.#give(op, { ...op, inputs, axes: op.axes.map(axisOf).sort((a, b) => a - b) });
        return true;
      default:
        return false;
    }
  }

  // ---- values -------------------------------------------------------------------------------------------------------------------

  #typeOf(value: ValueId): OpenType {
    return nth(this.#values, value).type;
  }

  #constantOf(value: ValueId): TensorData | undefined {
    return nth(this.#values, value).constant;
  }

  #define(value: OpenValue): ValueId {
    return this.#values.push(value) - 1;
  }

  #constant(constant: TensorData): ValueId {
    const { dtype, shape } = constant;
    return this.#define({ type: { dtype, dims: shape }, name: "", constant });
  }

  #emit(spec: OpenOpSpec, type: OpenType): ValueId {
    const value = this.#define({ type, name: "" });
    this.#ops.push({ ...spec, outputs: [value], origin: this.#origin });
    return value;
  }

  /** An op's result, channels-last. */
  #give(op: OpenOp, spec: OpenOpSpec): void {
    const result = nth(op.outputs, 0);
    const { dtype, dims } = this.#typeOf(result);
    const last = this.#emit(spec, { dtype, dims: permute(dims, toChannelsLast(dims.length)) });
    this.#last.set(result, last);
    this.#missing.add(result);
  }

  /** A value channels-first: made now where it is not there. */
  #first(value: ValueId): ValueId {
    if (!this.#missing.has(value)) return value;
    this.#missing.delete(value);
    const last = defined(this.#last.get(value));
    const { dims } = this.#typeOf(value);
    const outputs = [value];
    this.#ops.push(
      haveOneOrder(dims)
        ? { kind: "reshape", inputs: [last], shape: dims, outputs, origin: this.#origin }
        : { kind: "transpose", inputs: [last], perm: toChannelsFirst(dims.length), outputs, origin: this.#origin },
    );
    return value;
  }

  /** A value channels-last: made now where it is not there. */
  #imageOf(value: ValueId): ValueId {
    const known = this.#last.get(value) ?? this.#turnedFree(value, this.#typeOf(value).dims.length);
    const made = known ?? this.#transposed(value);
    this.#last.set(value, made);
    return made;
  }

  #transposed(value: ValueId): ValueId {
    const { dtype, dims } = this.#typeOf(value);
    const perm = toChannelsLast(dims.length);
    return this.#emit({ kind: "transpose", inputs: [value], perm }, { dtype, dims: permute(dims, perm) });
  }

  /** A value as an operand of a channels-last op of some rank, where that takes no copy; null where it does. */
  #turnedFree(value: ValueId, rank: number): ValueId | null {
    const { dtype, dims } = this.#typeOf(value);
    if (dims.length === 0 || countOf(dims) === 1) return value;
    const full: readonly Dim[] = [...new Array<Dim>(rank - dims.length).fill(1), ...dims];
    const perm = toChannelsLast(rank);
    const constant = this.#constantOf(value);
    if (constant !== undefined) {
      if (!areStatic(full)) throw new Error("internal: a constant of open size");
      return this.#constant(transposed({ ...constant, shape: full }, perm));
    }
    if (!haveOneOrder(full)) return null;
    const shape = permute(full, perm);
    return this.#emit({ kind: "reshape", inputs: [value], shape }, { dtype, dims: shape });
  }
}

/** One channel, or one pixel: both layouts put the elements in the same order. `dims` are channels-first. */
const haveOneOrder = ([, channels, ...spatial]: readonly Dim[]): boolean =>
  channels === 1 || spatial.every((dim) => dim === 1);

const transposed = (tensor: TensorData, perm: readonly number[]): TensorData =>
  nth(evaluateOp({ kind: "transpose", inputs: [0], perm }, [tensor]), 0);
