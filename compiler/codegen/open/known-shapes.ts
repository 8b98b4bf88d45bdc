/**
 * Ops of an open graph whose operands all have known sizes: a decoder's single row through its layers, say. They get the kernels of graphs of known
 * shapes, which know more ways (weights in fewer bits, streams for few rows).
 */
import { areStatic } from "../../../ir/dim.ts";
import { type Op, type TensorType, tensorType } from "../../../ir/graph.ts";
import type { OpenOp } from "../../../ir/open/graph.ts";
import type { KernelArg, KernelCode } from "../kernel.ts";
import { emitKernels, hasKernels } from "../kernels/registry.ts";
import type { OpenKernelArg, OpenKernelCode, OpenOperand, OpenOperands } from "./kernel.ts";

/** The stages of an op for known shapes; null where a size of its operands is open, or where it has no such form. */
export function knownStages(op: OpenOp, operands: OpenOperands): readonly OpenKernelCode[] | null {
  const known = knownOp(op);
  const inputs = operands.inputs.map(knownType);
  const output = knownType(operands.output);
  if (known === null || output === null || !inputs.every((type) => type !== null)) return null;
  const types = { inputs, outputs: [output], constants: operands.constants };
  const isFilled = [...inputs, output].every(({ shape }) => !shape.includes(0));
  return isFilled && hasKernels(known, types) ? (emitKernels(known, types)?.map(openStage) ?? null) : null;
}

function knownType({ dtype, dims }: OpenOperand): TensorType | null {
  return areStatic(dims) && dtype !== "string" ? tensorType(dtype, dims) : null;
}

/** The op in a graph of known shapes. */
function knownOp(op: OpenOp): Op | null {
  switch (op.kind) {
    case "map":
    case "matmul":
    case "reduce":
    case "softmax":
    case "normalize":
    case "transpose":
    case "concat":
    case "gather":
    case "conv":
      return op;
    case "pool": {
      const { outputSpatial } = op;
      return areStatic(outputSpatial) ? { ...op, outputSpatial } : null;
    }
    case "pad": {
      const { before, after } = op;
      return areStatic(before) && areStatic(after) ? { ...op, before, after } : null;
    }
    case "slice": {
      const { starts, sizes } = op;
      return areStatic(starts) && areStatic(sizes) ? { ...op, starts, sizes } : null;
    }
    case "convTranspose":
    case "repeat":
    case "reshape":
    case "expand":
    case "sizes":
    case "count":
    case "attention":
      return null;
  }
}

const openStage = ({ key, units, args, work, indices, emit }: KernelCode): OpenKernelCode => ({
  key,
  units,
  args: args.map(openArg),
  sizes: [],
  work,
  emit,
  ...(indices === undefined ? {} : { indices }),
});

/** Work areas are one: no two calls of an open program run at a time. */
const openArg = (arg: KernelArg): OpenKernelArg =>
  arg.kind === "scratch" ? { kind: "scratch", id: arg.id, bytes: arg.byteLength } : arg;
