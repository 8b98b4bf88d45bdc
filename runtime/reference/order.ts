/** Kinds that compare along an axis: argReduce, topK. NaN counts as larger than every number, and as smaller than every number for minima. */
import { allocateElements, elementCount, type Elements, makeTensor } from "../../ir/tensor.ts";
import { viewAxis } from "./axes.ts";
import type { Evaluate } from "./evaluate.ts";
import { numbersOf } from "./numbers.ts";
import { blockCopier } from "./strided-copy.ts";
import { isBig } from "../../ir/dtype.ts";
import type { TensorData } from "../../ir/tensor.ts";

/** Elements to compare: `<` and `>` mean the same for numbers and bigints. */
const comparables = (x: TensorData): ArrayLike<number> =>
  isBig(x.dtype) ? (x.elements as Exclude<Elements, readonly string[]> as unknown as ArrayLike<number>) : numbersOf(x);

/** Negative when x comes before y: the larger one first, or the smaller one. */
function comparison(largest: boolean): (x: number, y: number) => number {
  const sign = largest ? -1 : 1;
  return (x, y) => {
    if (x < y) return -sign;
    if (x > y) return sign;
    return Number(Number.isNaN(y)) - Number(Number.isNaN(x));
  };
}

export const evaluateArgReduce: Evaluate<"argReduce"> = (op, [x], [result]) => {
  const values = comparables(x);
  const compare = comparison(op.fn === "max");
  const { outer, size, inner } = viewAxis(x.shape, op.axis);
  const winners = new BigInt64Array(outer * inner);
  const isBetter = op.selectLast ? (order: number) => order <= 0 : (order: number) => order < 0;
  for (let at = 0; at < winners.length; at++) {
    const base = Math.floor(at / inner) * size * inner + (at % inner);
    let best = 0;
    for (let i = 1; i < size; i++) {
      if (isBetter(compare(values[base + i * inner] as number, values[base + best * inner] as number))) best = i;
    }
    winners[at] = BigInt(best);
  }
  return [makeTensor("i64", result.shape, winners)];
};

export const evaluateTopK: Evaluate<"topK"> = (op, [x], [result]) => {
  const { outer, size, inner } = viewAxis(x.shape, op.axis);
  const values = comparables(x);
  const compare = comparison(op.largest);
  const elements = allocateElements(x.dtype, elementCount(result.shape));
  const indices = new BigInt64Array(elements.length);
  const copy = blockCopier(x.dtype, elements, x.elements, 1);
  const order = new Uint32Array(size);
  for (let lane = 0; lane < outer * inner; lane++) {
    const [o, n] = [Math.floor(lane / inner), lane % inner];
    const place = (i: number): number => (o * size + i) * inner + n;
    for (let i = 0; i < size; i++) order[i] = i;
    order.sort((i, j) => compare(values[place(i)] as number, values[place(j)] as number) || i - j);
    for (let rank = 0; rank < op.k; rank++) {
      const to = (o * op.k + rank) * inner + n;
      copy(to, place(order[rank] as number));
      indices[to] = BigInt(order[rank] as number);
    }
  }
  return [makeTensor(x.dtype, result.shape, elements), makeTensor("i64", result.shape, indices)];
};
