/** Matrix products: batches, with both operands moving or one resident, and weights of few bits. */
import { epilogueOperands, type MatmulOp, type OpOf } from "../../../ir/graph.ts";
import type { Axis } from "../../../ir/kernel-graph.ts";
import type { Expr } from "../../../ir/expr.ts";
import { operationsOf } from "../../../ir/machine/operations.ts";
import {
  broadcastAxes,
  epilogueFlops,
  epilogueReads,
  inputAt,
  LoopNames,
  type OpNest,
  product,
  shapeAt,
  type Sources,
  whole,
} from "../nest.ts";

/** Loops b0, b1, ... over the leading dims of a shape, and the axes that they make. */
function batchOf(names: LoopNames, dims: readonly number[]): readonly Axis[] {
  return dims.map((size, index) => {
    names.add(`b${index}`, size);
    return names.axis(size, `b${index}`);
  });
}

/** The axes of a product [..., m, n] over an inner loop of `k`. */
function productAxes(names: LoopNames, out: readonly number[], k: number): ProductAxes {
  const m = out.at(-2) ?? 1;
  const n = out.at(-1) ?? 1;
  const batch = batchOf(names, out.slice(0, -2));
  names.add("m", m);
  names.add("n", n);
  names.add("k", k);
  return { batch, rows: names.axis(m, "m"), columns: names.axis(n, "n"), inner: names.axis(k, "k") };
}

interface ProductAxes {
  readonly batch: readonly Axis[];
  readonly rows: Axis;
  readonly columns: Axis;
  readonly inner: Axis;
}

const productStage = (names: LoopNames, epilogue: Expr | null): OpNest["stage"] => ({
  domain: names.everything(),
  vector: names.known("n", "m"),
  perPoint: { fast: 1, slow: 0 },
  perResult: operationsOf(epilogue),
  combine: null,
  shuffles: false,
  gathers: [],
  steps: 0,
  codeUnits: 2,
});

export function matmulNest(op: MatmulOp, sources: Sources): OpNest {
  const a = inputAt(sources, 0).type.shape;
  const b = inputAt(sources, 1).type.shape;
  const out = shapeAt(sources.outputs, 0);
  const k = a.at(op.transposeA ? -2 : -1) ?? 1;
  const names = new LoopNames();
  const { batch, rows, columns, inner } = productAxes(names, out, k);
  const made = [...batch, rows, columns];
  const outputs = product(out);
  return {
    family: "matmul",
    loops: names.loops,
    reads: [
      [...broadcastAxes(a.slice(0, -2), batch), ...(op.transposeA ? [inner, rows] : [rows, inner])],
      [...broadcastAxes(b.slice(0, -2), batch), ...(op.transposeB ? [columns, inner] : [inner, columns])],
      ...epilogueReads(sources, epilogueOperands.matmul, made),
    ],
    makes: [made],
    flops: 2 * outputs * k + epilogueFlops(op.epilogue, outputs),
    stage: productStage(names, op.epilogue),
  };
}

export function quantizedMatmulNest(op: OpOf<"quantizedMatmul">, sources: Sources): OpNest {
  const out = shapeAt(sources.outputs, 0);
  const a = inputAt(sources, 0).type.shape;
  const k = a.at(-1) ?? 1;
  const names = new LoopNames();
  const { batch, rows, columns, inner } = productAxes(names, out, k);
  const made = [...batch, rows, columns];
  const outputs = product(out);
  /** scales and zero points: one per column and block of the inner loop, or one for all of either */
  const perBlock = (index: number): readonly Axis[] => {
    const [wide = 1, blocks = 1] = inputAt(sources, index).type.shape;
    const along: Axis = blocks === 1 || k === 1 ? whole(blocks) : { kind: "spread", size: blocks, loop: "k" };
    return [wide === 1 ? whole(1) : columns, along];
  };
  return {
    family: "matmul",
    loops: names.loops,
    reads: [
      [...batch, rows, inner],
      [columns, inner],
      perBlock(2),
      perBlock(3),
      ...epilogueReads(sources, epilogueOperands.quantizedMatmul, made),
    ],
    makes: [made],
    flops: 2 * outputs * k + epilogueFlops(op.epilogue, outputs),
    stage: productStage(names, op.epilogue),
  };
}
