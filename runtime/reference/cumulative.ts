/** Running sums and products along an axis. */
import { type DType, isBig } from "../../ir/dtype.ts";
import type { CumulativeOp } from "../../ir/graph.ts";
import { makeTensor, type TensorData } from "../../ir/tensor.ts";
import { viewAxis } from "./axes.ts";
import { normalizer } from "./casts.ts";
import type { Evaluate } from "./evaluate.ts";
import { allocateBigs, bigintsOf, numbersOf, tensorOfNumbers } from "./numbers.ts";
import { bigBinary, numberBinary } from "./scalar-functions.ts";

type CumulativeSpec = Pick<CumulativeOp, "fn" | "axis" | "exclusive" | "reverse">;

const functions = { sum: "add", prod: "mul" } as const;

export const evaluateCumulative: Evaluate<"cumulative"> = (op, [x]) => [
  isBig(x.dtype) ? accumulateBigs(op, x) : accumulateNumbers(op, x),
];

function accumulateNumbers(op: CumulativeSpec, x: TensorData): TensorData {
  const source = numbersOf(x);
  const target = new Float64Array(source.length);
  run(op, x.shape, source, target, op.fn === "sum" ? 0 : 1, numberCombiner(op, x.dtype));
  return tensorOfNumbers(x.dtype, x.shape, target);
}

/** The running value of floats stays in double; integers wrap. */
function numberCombiner({ fn }: CumulativeSpec, dtype: DType): (x: number, y: number) => number {
  const combine = numberBinary(functions[fn], dtype);
  const wrap = normalizer(dtype);
  return wrap === null || wrap === Math.fround ? combine : (x, y) => wrap(combine(x, y));
}

function accumulateBigs(op: CumulativeSpec, x: TensorData): TensorData {
  const source = bigintsOf(x);
  const target = allocateBigs(x.dtype, source.length);
  const combine = bigBinary(functions[op.fn]);
  run(op, x.shape, source, target, op.fn === "sum" ? 0n : 1n, (x, y) => BigInt.asIntN(64, combine(x, y)));
  return makeTensor(x.dtype, x.shape, target);
}

function run<T>(
  { axis, exclusive, reverse }: CumulativeSpec,
  shape: readonly number[],
  source: { readonly [index: number]: T },
  target: { [index: number]: T },
  start: T,
  combine: (x: T, y: T) => T,
): void {
  const { outer, size, inner } = viewAxis(shape, axis);
  for (let lane = 0; lane < outer * inner; lane++) {
    const base = Math.floor(lane / inner) * size * inner + (lane % inner);
    let value = start;
    for (let i = 0; i < size; i++) {
      const at = base + (reverse ? size - 1 - i : i) * inner;
      const next = combine(value, source[at] as T);
      target[at] = exclusive ? value : next;
      value = next;
    }
  }
}
