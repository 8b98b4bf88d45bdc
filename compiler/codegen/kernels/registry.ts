/** Which emitter makes the kernels of which op kind. */
import { nth } from "../../../ir/access.ts";
import type { Op, OpKind } from "../../../ir/graph.ts";
import type { Choose } from "../choice.ts";
import type { KernelCode, KernelEmitter, Operands } from "../kernel.ts";
import { emitConv } from "./conv.ts";
import { emitConvTranspose } from "./conv-transpose.ts";
import { emitCumulative } from "./cumulative.ts";
import { emitForest, hasConstantTables } from "./forest.ts";
import { emitGather, emitGatherElements, emitGatherND, emitScatterElements, emitScatterND } from "./indexing.ts";
import { emitMap } from "./map.ts";
import { emitMatmul } from "./matmul.ts";
import { canPad, emitConcat, emitPad, emitSlice, emitTranspose } from "./movement.ts";
import { emitNormalize } from "./normalize.ts";
import { emitArgReduce } from "./order.ts";
import { emitTopK } from "./top-k.ts";
import { emitPool } from "./pool.ts";
import { emitQuantizedMatmul, hasConstantWeights } from "./quantized-matmul.ts";
import { emitRecurrent } from "./recurrent.ts";
import { emitReduce } from "./reduce.ts";
import { emitSoftmax } from "./softmax.ts";

type Emitters = { readonly [K in OpKind]?: KernelEmitter<Extract<Op, { readonly kind: K }>> };

const emitters: Emitters = {
  map: emitMap,
  matmul: emitMatmul,
  quantizedMatmul: emitQuantizedMatmul,
  conv: emitConv,
  convTranspose: emitConvTranspose,
  pool: emitPool,
  transpose: emitTranspose,
  slice: emitSlice,
  pad: emitPad,
  concat: emitConcat,
  reduce: emitReduce,
  softmax: emitSoftmax,
  normalize: emitNormalize,
  argReduce: emitArgReduce,
  topK: emitTopK,
  cumulative: emitCumulative,
  gather: emitGather,
  gatherElements: emitGatherElements,
  gatherND: emitGatherND,
  scatterElements: emitScatterElements,
  scatterND: emitScatterND,
  recurrent: emitRecurrent,
  forest: emitForest,
};

/** The stages of an op with static numeric operands, or null for a kind without kernels. Emitters throw WSC6001 for what they cannot do. */
export function emitKernels(op: Op, operands: Operands, choose?: Choose): readonly KernelCode[] | null {
  const emit = emitters[op.kind] as KernelEmitter<Op> | undefined;
  return emit === undefined || !hasKernels(op, operands) ? null : emit(op, operands, choose);
}

/** Whether there are kernels for an op on static numeric operands of these types. */
export function hasKernels(op: Op, operands: Operands): boolean {
  if (op.kind === "pad" && !canPad(op, nth(operands.inputs, 0))) return false;
  if (op.kind === "quantizedMatmul" && !hasConstantWeights(operands)) return false;
  if (op.kind === "forest" && !hasConstantTables(operands)) return false;
  return emitters[op.kind] !== undefined;
}
