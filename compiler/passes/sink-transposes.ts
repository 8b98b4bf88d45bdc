/**
 * sink-transposes: an op that reads transposed values works on what they were transposed from, and its result is transposed instead. So
 * transposes move toward each other until they cancel (canonicalize). Maps let any permutation pass; the other kinds only a layout's.
 */
import { type OpOf, type OpSpec, type ValueId } from "../../ir/graph.ts";
import { elementCount } from "../../ir/tensor.ts";
import { foldOp } from "./fold-constants.ts";
import { inversePerm, isChannelsFirst, permute, samePerm } from "./layout.ts";
import type { Pass } from "./pass.ts";
import { type Rewrite, rewriteGraph } from "./rewrite.ts";

export const sinkTransposes: Pass = {
  name: "sink-transposes",
  summary: "move transposes toward the outputs until they cancel",
  run: (graph) => rewriteGraph(graph, sink, foldOp),
};

/** A value that is the transpose of `source`. */
interface Transposed {
  readonly source: ValueId;
  readonly perm: readonly number[];
}

function transposedBy(rewrite: Rewrite, value: ValueId): Transposed | null {
  const op = rewrite.producer(value);
  return op?.kind === "transpose" ? { source: op.inputs[0] as ValueId, perm: op.perm } : null;
}

function sink(rewrite: Rewrite): readonly ValueId[] | null {
  const { op } = rewrite;
  if (op.kind === "transpose") return compose(rewrite, op);
  if (op.kind === "map") return sinkMap(rewrite, op);
  if (op.kind === "concat") return sinkConcat(rewrite, op);
  const [first] = rewrite.inputs;
  const image = first === undefined ? null : transposedBy(rewrite, first);
  if (image === null || !isChannelsFirst(image.perm)) return null;
  const spec = permuted(rewrite, image);
  if (spec === null) return null;
  const result = rewrite.emitOne(spec.op);
  return [transposeOf(rewrite, result, spec.perm)];
}

/** Two transposes in a row are one, or none. */
function compose(rewrite: Rewrite, op: OpOf<"transpose">): readonly ValueId[] | null {
  const before = transposedBy(rewrite, rewrite.inputs[0] as ValueId);
  if (before === null) return null;
  return [transposeOf(rewrite, before.source, permute(before.perm, op.perm))];
}

function transposeOf(rewrite: Rewrite, value: ValueId, perm: readonly number[]): ValueId {
  if (perm.every((from, to) => from === to)) return value;
  return rewrite.emitOne({ kind: "transpose", inputs: [value], perm });
}

function sinkMap(rewrite: Rewrite, op: OpOf<"map">): readonly ValueId[] | null {
  const shape = rewrite.resultShape();
  const perm = commonPerm(rewrite, rewrite.inputs, shape.length);
  if (perm === null || !isWorthwhile(rewrite, perm, shape)) return null;
  const inputs = rewrite.inputs.map((id) => untransposed(rewrite, id, perm));
  return [transposeOf(rewrite, rewrite.emitOne({ ...op, inputs }), perm)];
}

/** The permutation of the first transposed operand of full rank. */
function commonPerm(rewrite: Rewrite, values: readonly ValueId[], rank: number): readonly number[] | null {
  for (const id of values) {
    const transposed = transposedBy(rewrite, id);
    if (transposed?.perm.length === rank) return transposed.perm;
  }
  return null;
}

/** Operands that would have to be transposed at run time must not outweigh those that no longer are. */
function isWorthwhile(rewrite: Rewrite, perm: readonly number[], shape: readonly number[]): boolean {
  let saved = 0;
  let added = 0;
  for (const id of rewrite.inputs) {
    const transposed = transposedBy(rewrite, id);
    const type = rewrite.builder.tensorTypeOf(id);
    if (transposed !== null && samePerm(transposed.perm, perm)) saved += elementCount(type.shape);
    else if (rewrite.builder.constantOf(id) === undefined && !isFlat(type.shape)) added += elementCount(type.shape);
  }
  const isWhole = saved >= elementCount(shape);
  return isWhole && (isChannelsFirst(perm) ? added <= saved : added === 0);
}

/** At most one dim above 1: a transpose of it is a reshape. */
const isFlat = (shape: readonly number[]): boolean => shape.filter((dim) => dim !== 1).length <= 1;

/** What `value` is the transpose of: by knowledge, by folding (constants), as a reshape, or by a transpose back. */
function untransposed(rewrite: Rewrite, value: ValueId, perm: readonly number[]): ValueId {
  const transposed = transposedBy(rewrite, value);
  if (transposed !== null && samePerm(transposed.perm, perm)) return transposed.source;
  const { shape } = rewrite.builder.tensorTypeOf(value);
  if (elementCount(shape) === 1 && shape.length <= perm.length) return value;
  const full = [...new Array<number>(perm.length - shape.length).fill(1), ...shape];
  const aligned =
    shape.length === full.length ? value : rewrite.emitOne({ kind: "reshape", inputs: [value], shape: full });
  const back = inversePerm(perm);
  if (isFlat(shape)) return rewrite.emitOne({ kind: "reshape", inputs: [aligned], shape: permute(full, back) });
  return rewrite.emitOne({ kind: "transpose", inputs: [aligned], perm: back });
}

function sinkConcat(rewrite: Rewrite, op: OpOf<"concat">): readonly ValueId[] | null {
  const rank = rewrite.resultShape().length;
  const perm = commonPerm(rewrite, rewrite.inputs, rank);
  if (perm === null || !isChannelsFirst(perm)) return null;
  const moved = rewrite.inputs.filter(
    (id) => transposedBy(rewrite, id) !== null || rewrite.builder.constantOf(id) !== undefined,
  );
  if (moved.length * 2 < rewrite.inputs.length) return null;
  const inputs = rewrite.inputs.map((id) => untransposed(rewrite, id, perm));
  const result = rewrite.emitOne({ kind: "concat", inputs, axis: perm[op.axis] as number });
  return [transposeOf(rewrite, result, perm)];
}

interface Permuted {
  readonly op: OpSpec;
  /** perm of the transpose behind */
  readonly perm: readonly number[];
}

/** The op over the untransposed image, for kinds whose attributes name axes. */
function permuted(rewrite: Rewrite, { source, perm }: Transposed): Permuted | null {
  const { op } = rewrite;
  const rest = rewrite.inputs.slice(1);
  const inputs = [source, ...rest];
  const back = inversePerm(perm);
  const axisOf = (axis: number): number => perm[axis] as number;
  switch (op.kind) {
    case "pool":
      return op.layout === "nchw" ? { op: { ...op, inputs, layout: "nhwc" }, perm } : null;
    case "softmax":
      return { op: { ...op, inputs, axis: axisOf(op.axis) }, perm };
    case "reduce":
      return {
        op: { ...op, inputs, axes: op.axes.map(axisOf).sort((a, b) => a - b) },
        perm: permAfterReduction(op, perm),
      };
    case "normalize":
      if (!rest.every((id) => rewrite.builder.constantOf(id) !== undefined)) return null;
      return {
        op: {
          ...op,
          inputs: [source, ...rest.map((id) => untransposed(rewrite, id, perm))],
          axes: op.axes.map(axisOf).sort((a, b) => a - b),
        },
        perm,
      };
    case "slice":
      return {
        op: {
          ...op,
          inputs,
          starts: permute(op.starts, back),
          sizes: permute(op.sizes, back),
          steps: permute(op.steps, back),
        },
        perm,
      };
    case "pad":
      return { op: { ...op, inputs, before: permute(op.before, back), after: permute(op.after, back) }, perm };
    case "gather": {
      const isLine = rewrite.builder.tensorTypeOf(rest[0] as ValueId).shape.length === 1;
      return isLine ? { op: { ...op, inputs, axis: axisOf(op.axis) }, perm } : null;
    }
    default:
      return null;
  }
}

/** How the dims that a reduction leaves are permuted. */
function permAfterReduction(op: OpOf<"reduce">, perm: readonly number[]): readonly number[] {
  if (op.keepDims) return perm;
  const kept = perm.filter((_, axis) => !op.axes.includes(axis));
  const order = kept.toSorted((a, b) => a - b);
  return kept.map((axis) => order.indexOf(axis));
}
