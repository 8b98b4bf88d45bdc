/** Values that are parts of others, seen with another shape: slices, transposes and reshapes that a kernel can read in place by strides. */
import { nth } from "../../ir/access.ts";
import { type Graph, type Op, type TensorType, type ValueId } from "../../ir/graph.ts";
import { rowMajorStrides } from "../../ir/tensor.ts";

/** A value as elements of `value`: the element at index i is at offset + sum of i * strides, times `scale`. */
export interface View {
  readonly value: ValueId;
  /** elements */
  readonly offset: number;
  readonly shape: readonly number[];
  /** elements per index; may be negative */
  readonly strides: readonly number[];
  readonly scale: number;
}

/** The op that defines each value. */
export function producersOf(graph: Graph): ReadonlyMap<ValueId, Op> {
  return new Map(graph.ops.flatMap((op) => op.outputs.map((output) => [output, op] as const)));
}

/** A value as it is. */
export function wholeView(graph: Graph, value: ValueId): View {
  const { shape } = nth(graph.values, value).type as TensorType;
  return { value, offset: 0, shape, strides: rowMajorStrides(shape), scale: 1 };
}

/** Follows a value of f32 to the tensor that it is a part of, through movements and (with `scaled`) products with a constant. */
export function viewOf(graph: Graph, producers: ReadonlyMap<ValueId, Op>, value: ValueId, scaled: boolean): View {
  const chain: Op[] = [];
  let root = value;
  for (let op = producers.get(root); op !== undefined && canFollow(op, scaled); op = producers.get(root)) {
    chain.push(op);
    root = nth(op.inputs, 0);
  }
  let view = wholeView(graph, root);
  for (const op of chain.toReversed()) view = through(op, view) ?? wholeView(graph, nth(op.outputs, 0));
  return view;
}

function canFollow(op: Op, scaled: boolean): boolean {
  if (op.kind === "map") return scaled && factorOf(op) !== null;
  return op.kind === "slice" || op.kind === "transpose" || op.kind === "reshape";
}

/** c, for a map c * $0 over one operand. */
function factorOf(op: Extract<Op, { kind: "map" }>): number | null {
  const { expr } = op;
  if (op.inputs.length !== 1 || expr.op !== "binary" || expr.fn !== "mul") return null;
  const [constant, other] = expr.x.op === "const" ? [expr.x, expr.y] : [expr.y, expr.x];
  return constant.op === "const" && constant.dtype === "f32" && other.op === "arg" ? Number(constant.value) : null;
}

/** What an op makes of a view of its operand; null when that is no view. */
function through(op: Op, view: View): View | null {
  switch (op.kind) {
    case "slice":
      return {
        ...view,
        offset: op.starts.reduce((sum, start, axis) => sum + start * nth(view.strides, axis), view.offset),
        shape: op.sizes,
        strides: view.strides.map((stride, axis) => stride * nth(op.steps, axis)),
      };
    case "transpose":
      return {
        ...view,
        shape: op.perm.map((axis) => nth(view.shape, axis)),
        strides: op.perm.map((axis) => nth(view.strides, axis)),
      };
    case "reshape": {
      const strides = reshapedStrides(view.shape, view.strides, op.shape);
      return strides === null ? null : { ...view, shape: op.shape, strides };
    }
    case "map": {
      const factor = factorOf(op);
      return factor === null ? null : { ...view, scale: view.scale * factor };
    }
    default:
      return null;
  }
}

/** Strides of a view in another shape; null where its elements do not follow one another as that needs. */
export function reshapedStrides(
  shape: readonly number[],
  strides: readonly number[],
  to: readonly number[],
): number[] | null {
  if (shape.includes(0)) return null;
  const dims = shape.flatMap((size, axis) => (size === 1 ? [] : [{ size, stride: nth(strides, axis) }]));
  const result: number[] = [];
  let at = dims.length - 1;
  // from the innermost: `size` elements that follow one another at `stride` are left to give away
  let run = { size: 1, stride: 1 };
  for (const size of to.toReversed()) {
    if (size === 1) {
      result.unshift(0);
      continue;
    }
    if (run.size === 1 && at >= 0) run = nth(dims, at--);
    while (run.size % size !== 0 || run.size < size) {
      const outer = dims[at--];
      if (outer === undefined || outer.stride !== run.size * run.stride) return null;
      run = { size: run.size * outer.size, stride: run.stride };
    }
    result.unshift(run.stride);
    run = { size: run.size / size, stride: run.stride * size };
  }
  return result;
}
