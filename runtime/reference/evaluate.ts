/**
 * Evaluates one op over known tensors: the constant folder, the fallback where no kernel exists, and the oracle that kernels are tested
 * against. Exactness comes before speed: floats accumulate in double and are rounded once.
 */
import type { Op, OpKind, OpSpec, TensorType } from "../../ir/graph.ts";
import { tensorType } from "../../ir/graph.ts";
import { inferTypes } from "../../ir/infer.ts";
import type { TensorData } from "../../ir/tensor.ts";
import { evaluateConv, evaluateConvTranspose } from "./conv.ts";
import { evaluateCumulative } from "./cumulative.ts";
import { evaluateMap } from "./elementwise.ts";
import { evaluateForest } from "./forest.ts";
import { evaluateGather, evaluateGatherElements, evaluateGatherND } from "./gather.ts";
import { evaluateMatmul, evaluateQuantizedMatmul } from "./matmul.ts";
import { evaluateConcat, evaluatePad, evaluateReshape, evaluateSlice, evaluateTranspose } from "./movement.ts";
import { evaluateNormalize, evaluateSoftmax } from "./normalize.ts";
import { evaluateArgReduce, evaluateTopK } from "./order.ts";
import { evaluatePool } from "./pool.ts";
import { evaluateRecurrent } from "./recurrent.ts";
import { evaluateReduce } from "./reduce.ts";
import { evaluateScatterElements, evaluateScatterND } from "./scatter.ts";

export type EvaluableKind = Exclude<OpKind, "host" | "if" | "loop" | "scan" | "deferred">;

type List = readonly TensorData[];
type One = readonly [TensorData];
type Two = readonly [TensorData, TensorData];
type Three = readonly [TensorData, TensorData, TensorData];
type TwoOrMore = readonly [TensorData, TensorData, ...TensorData[]];

/** Operands of each kind, as the inference rules have checked them. */
interface Operands {
  readonly map: List;
  readonly matmul: TwoOrMore;
  readonly quantizedMatmul: readonly [TensorData, TensorData, TensorData, TensorData, ...TensorData[]];
  readonly conv: TwoOrMore;
  readonly convTranspose: TwoOrMore;
  readonly pool: One;
  readonly reduce: One;
  readonly argReduce: One;
  readonly softmax: One;
  readonly normalize: readonly [TensorData, TensorData?, TensorData?];
  readonly reshape: One;
  readonly transpose: One;
  readonly slice: One;
  readonly pad: readonly [TensorData, TensorData?];
  readonly concat: List;
  readonly gather: Two;
  readonly gatherElements: Two;
  readonly gatherND: Two;
  readonly scatterElements: Three;
  readonly scatterND: Three;
  readonly cumulative: One;
  readonly topK: One;
  readonly recurrent: List;
  readonly forest: readonly [TensorData, TensorData, TensorData, TensorData, TensorData, TensorData];
}

/** Types of the results of each kind. */
type Results<K extends EvaluableKind> = K extends "recurrent"
  ? readonly TensorType[]
  : K extends "topK" | "forest"
    ? readonly [TensorType, TensorType]
    : readonly [TensorType];

/** Evaluates one kind: operands in, results of the given (inferred) types out. Operands are never written to, results may share them. */
export type Evaluate<K extends EvaluableKind> = (
  op: Extract<OpSpec, { readonly kind: K }>,
  inputs: Operands[K],
  results: Results<K>,
) => readonly TensorData[];

type EvaluateAny = (
  op: Op | OpSpec,
  inputs: readonly TensorData[],
  results: readonly TensorType[],
) => readonly TensorData[];

const evaluators: { readonly [K in EvaluableKind]: Evaluate<K> } = {
  map: evaluateMap,
  matmul: evaluateMatmul,
  quantizedMatmul: evaluateQuantizedMatmul,
  conv: evaluateConv,
  convTranspose: evaluateConvTranspose,
  pool: evaluatePool,
  reduce: evaluateReduce,
  argReduce: evaluateArgReduce,
  softmax: evaluateSoftmax,
  normalize: evaluateNormalize,
  reshape: evaluateReshape,
  transpose: evaluateTranspose,
  slice: evaluateSlice,
  pad: evaluatePad,
  concat: evaluateConcat,
  gather: evaluateGather,
  gatherElements: evaluateGatherElements,
  gatherND: evaluateGatherND,
  scatterElements: evaluateScatterElements,
  scatterND: evaluateScatterND,
  cumulative: evaluateCumulative,
  topK: evaluateTopK,
  recurrent: evaluateRecurrent,
  forest: evaluateForest,
};

/** True for the kinds that `evaluateOp` knows: all but host functions, control flow and deferred parts. */
export const isEvaluable = (kind: OpKind): kind is EvaluableKind => Object.hasOwn(evaluators, kind);

/** The results of an op over constants. Throws a WscError when operands do not fit or an index is out of range. */
export function evaluateOp(op: Op | OpSpec, inputs: readonly TensorData[]): readonly TensorData[] {
  if (!isEvaluable(op.kind)) throw new Error(`internal: ${op.kind} cannot be evaluated over constants`);
  const operands = inputs.map(({ dtype, shape }) => tensorType(dtype, shape));
  const results = inferTypes(op, operands, "origin" in op ? op.origin : []);
  const evaluate = evaluators[op.kind] as EvaluateAny;
  return evaluate(op, inputs, results.map(staticType)); // prettier-ignore
}

function staticType(type: ReturnType<typeof inferTypes>[number]): TensorType {
  if (type.kind !== "tensor") throw new Error(`internal: a result of known operands is ${type.kind}`);
  return type;
}
