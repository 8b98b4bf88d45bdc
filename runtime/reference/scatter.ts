/** Kinds that write by index: scatterElements, scatterND. Where indices repeat, updates apply in order. */
import { type DType, isBig } from "../../ir/dtype.ts";
import type { ScatterReduction } from "../../ir/graph.ts";
import { allocateElements, elementCount, type Elements, makeTensor, type TensorData } from "../../ir/tensor.ts";
import { normalizer } from "./casts.ts";
import type { Evaluate } from "./evaluate.ts";
import { forEachIndexed, tupleBlocks } from "./gather.ts";
import { bigintsOf, doublesOf, numbersOf, tensorOfNumbers } from "./numbers.ts";
import { bigBinary, numberBinary } from "./scalar-functions.ts";
import { blockCopier } from "./strided-copy.ts";

export const evaluateScatterElements: Evaluate<"scatterElements"> = (op, [x, index, updates]) => {
  const scatter = makeScatter(x, updates, op.reduction, 1);
  forEachIndexed(x, index, op.axis, "scatterElements", (at, to) => {
    scatter.put(to, at);
  });
  return [scatter.finish()];
};

export const evaluateScatterND: Evaluate<"scatterND"> = (op, [x, index, updates]) => {
  const { blocks, block } = tupleBlocks(x.shape, index, 0, "scatterND");
  const scatter = makeScatter(x, updates, op.reduction, block);
  for (let at = 0; at < blocks.length; at++) scatter.put(blocks[at] as number, at);
  return [scatter.finish()];
};

interface Scatter {
  /** Combines block `from` of the updates into block `to` of the result. */
  readonly put: (to: number, from: number) => void;
  readonly finish: () => TensorData;
}

function makeScatter(x: TensorData, updates: TensorData, reduction: ScatterReduction, block: number): Scatter {
  if (reduction === "none") return plainScatter(x, updates, block);
  return isBig(x.dtype) ? bigScatter(x, updates, reduction, block) : numberScatter(x, updates, reduction, block);
}

function copyOf({ dtype, shape, elements }: TensorData): Elements {
  const copy = allocateElements(dtype, elementCount(shape));
  if (elementCount(shape) > 0) blockCopier(dtype, copy, elements, elementCount(shape))(0, 0);
  return copy;
}

function plainScatter(x: TensorData, updates: TensorData, block: number): Scatter {
  const elements = copyOf(x);
  return {
    put: blockCopier(x.dtype, elements, updates.elements, block),
    finish: () => makeTensor(x.dtype, x.shape, elements),
  };
}

type Combining = Exclude<ScatterReduction, "none">;

function bigScatter(x: TensorData, updates: TensorData, reduction: Combining, block: number): Scatter {
  const result = makeTensor(x.dtype, x.shape, copyOf(x));
  const [target, source] = [bigintsOf(result), bigintsOf(updates)];
  const combine = bigBinary(reduction);
  return {
    put: (to, from) => {
      for (let i = 0; i < block; i++) {
        target[to * block + i] = combine(target[to * block + i] as bigint, source[from * block + i] as bigint);
      }
    },
    finish: () => result,
  };
}

function numberScatter(x: TensorData, updates: TensorData, reduction: Combining, block: number): Scatter {
  const [target, source] = [doublesOf(x), numbersOf(updates)];
  const combine = combiner(x.dtype, reduction);
  return {
    put: (to, from) => {
      for (let i = 0; i < block; i++) {
        target[to * block + i] = combine(target[to * block + i] as number, source[from * block + i] as number);
      }
    },
    finish: () => tensorOfNumbers(x.dtype, x.shape, target),
  };
}

/** Floats are rounded once, at the end; integers wrap at every step; on bools `add` is or, `mul` is and. */
function combiner(dtype: DType, reduction: Combining): (x: number, y: number) => number {
  if (dtype === "bool") return reduction === "add" || reduction === "max" ? Math.max : Math.min;
  const combine = numberBinary(reduction, dtype);
  const wrap = normalizer(dtype);
  if (wrap === null || wrap === Math.fround) return combine;
  return (x, y) => wrap(combine(x, y));
}
