/**
 * sink-transposes: an op that reads transposed values works on what they were transposed from, and its result is transposed instead. So
 * transposes move toward each other until they cancel (canonicalize). Maps let any permutation pass; the other kinds only a layout's.
 */
import { type OpOf, type OpSpec, type ValueId } from "../../ir/graph.ts";
import { elementCount } from "../../ir/tensor.ts";
import { foldOp } from "./fold-constants.ts";
import { inversePerm, isChannelsFirst, permute, samePerm } from "../../ir/image-layout.ts";
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
  if (image === null || !isLayout(rewrite, image)) return null;
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

/** A permutation of rank 3 may be a layout's or any other swap: it counts when what it reads is made channels-last. */
function isLayout(rewrite: Rewrite, { source, perm }: Transposed): boolean {
  if (!isChannelsFirst(perm)) return false;
  const maker = rewrite.producer(source);
  return perm.length > 3 || ((maker?.kind === "conv" || maker?.kind === "pool") && maker.layout === "nhwc");
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
  return isWhole && (isChannelsFirst(perm) && perm.length > 3 ? added <= saved : added === 0);
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
  if (perm === null || !isChannelsFirst(perm) || perm.length === 3) return null;
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
    case "reshape":
      return permutedReshape(rewrite, op, { source, perm });
    case "gather": {
      const isLine = rewrite.builder.tensorTypeOf(rest[0] as ValueId).shape.length === 1;
      return isLine ? { op: { ...op, inputs, axis: axisOf(op.axis) }, perm } : null;
    }
    default:
      return null;
  }
}

/**
 * A reshape splits into independent groups of dims (equal products). It passes a transpose when each group's dims lie side by side and in
 * order in the source: each group is then reshaped where it is, and the groups are transposed.
 */
function permutedReshape(rewrite: Rewrite, op: OpOf<"reshape">, { source, perm }: Transposed): Permuted | null {
  const { shape } = rewrite.builder.tensorTypeOf(rewrite.inputs[0] as ValueId);
  const groups = reshapeGroups(shape, op.shape);
  if (groups === null) return null;
  const placed: { readonly at: number; readonly shape: readonly number[]; readonly order: number }[] = [];
  for (const [order, { from, to }] of groups.entries()) {
    const axes = perm.slice(from[0], from[1]);
    if (axes.some((axis, i) => i > 0 && axis !== (axes[i - 1] as number) + 1)) return null;
    placed.push({ at: axes[0] ?? 0, shape: op.shape.slice(to[0], to[1]), order });
  }
  const inSource = placed.toSorted((a, b) => a.at - b.at);
  const starts = inSource.map((_, i) => inSource.slice(0, i).reduce((sum, group) => sum + group.shape.length, 0));
  const groupPerm = placed.flatMap(({ order, shape: dims }) => {
    const start = starts[inSource.findIndex((group) => group.order === order)] as number;
    return dims.map((_, i) => start + i);
  });
  return {
    op: { kind: "reshape", inputs: [source], shape: inSource.flatMap((group) => group.shape) },
    perm: groupPerm,
  };
}

interface ReshapeGroup {
  /** [first, end) of the dims before, and after */
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
}

/** The smallest groups of dims whose products agree on both sides; null for tensors without elements. */
function reshapeGroups(before: readonly number[], after: readonly number[]): readonly ReshapeGroup[] | null {
  if (before.length === 0 || after.length === 0 || before.includes(0)) return null;
  const groups: ReshapeGroup[] = [];
  for (let i = 0, j = 0; i < before.length || j < after.length;) {
    const [from, to] = [i, j];
    let left = i < before.length ? (before[i++] as number) : 1;
    let right = j < after.length ? (after[j++] as number) : 1;
    while (left !== right) {
      if (left < right) left *= before[i++] as number;
      else right *= after[j++] as number;
    }
    groups.push({ from: [from, i], to: [to, j] });
  }
  return groups.every(({ from, to }) => from[0] < from[1] && to[0] < to[1]) ? groups : null;
}

/** How the dims that a reduction leaves are permuted. */
function permAfterReduction(op: OpOf<"reduce">, perm: readonly number[]): readonly number[] {
  if (op.keepDims) return perm;
  const kept = perm.filter((_, axis) => !op.axes.includes(axis));
  const order = kept.toSorted((a, b) => a - b);
  return kept.map((axis) => order.indexOf(axis));
}
