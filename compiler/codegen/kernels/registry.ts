/** Which emitter makes the kernels of which op kind. */
import type { Op, OpKind } from "../../../ir/graph.ts";
import type { KernelCode, KernelEmitter, Operands } from "../kernel.ts";
import { emitMap } from "./map.ts";
import { emitMatmul } from "./matmul.ts";
import { canPad, emitConcat, emitPad, emitSlice, emitTranspose } from "./movement.ts";

type Emitters = { readonly [K in OpKind]?: KernelEmitter<Extract<Op, { readonly kind: K }>> };

const emitters: Emitters = {
  map: emitMap,
  matmul: emitMatmul,
  transpose: emitTranspose,
  slice: emitSlice,
  pad: emitPad,
  concat: emitConcat,
};

/** The stages of an op with static numeric operands, or null for a kind without kernels. Emitters throw WSC6001 for what they cannot do. */
export function emitKernels(op: Op, operands: Operands): readonly KernelCode[] | null {
  if (op.kind === "pad" && !canPad(op, operands.inputs[0]!)) return null;
  const emit = emitters[op.kind] as KernelEmitter<Op> | undefined;
  return emit === undefined ? null : emit(op, operands);
}
