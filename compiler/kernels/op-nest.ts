/** Which nest an op is. One entry for each kind of op that can be placed. */
import type { DType } from "../../ir/dtype.ts";
import { type OpNest, type PlaceableOp, shapeAt, type Sources } from "./nest.ts";
import { convNest, convTransposeNest } from "./nests/convolution.ts";
import { argReduceNest, mapNest, normalizeNest, reduceNest, softmaxNest } from "./nests/elements.ts";
import { gatherNest } from "./nests/lookup.ts";
import { poolNest } from "./nests/pooling.ts";
import { matmulNest, quantizedMatmulNest } from "./nests/products.ts";
import { forestNest, gatheringNest, movementNest, recurrentNest, steppedNest } from "./nests/scattered.ts";

/** The nest of an op over operands of static shape. */
export function opNest(op: PlaceableOp, sources: Sources): OpNest {
  switch (op.kind) {
    case "map":
      return mapNest(op, sources);
    case "matmul":
      return matmulNest(op, sources);
    case "quantizedMatmul":
      return quantizedMatmulNest(op, sources);
    case "conv":
      return convNest(op, sources);
    case "convTranspose":
      return convTransposeNest(op, sources);
    case "pool":
      return poolNest(op, sources);
    case "reduce":
      return reduceNest(op, sources);
    case "argReduce":
      return argReduceNest(op, sources);
    case "softmax":
      return softmaxNest(op, sources);
    case "normalize":
      return normalizeNest(op, sources);
    case "transpose":
    case "slice":
    case "pad":
    case "concat":
      return movementNest(sources);
    case "gather":
      return gatherNest(op, sources);
    case "gatherElements":
    case "gatherND":
      return gatheringNest(sources);
    case "scatterElements":
    case "scatterND":
      return steppedNest(0, 1, sources);
    case "cumulative":
      return steppedNest(1, shapeAt(sources.outputs, 0)[op.axis] ?? 1, sources);
    case "topK":
      return steppedNest(Math.ceil(Math.log2(op.k + 2)), op.k, sources);
    case "recurrent":
      return recurrentNest(sources);
    case "forest":
      return forestNest(sources);
  }
}

/** What arithmetic runs in: the first operand that is not a truth value, else the result. */
export function computeType({ inputs, outputs }: Sources): DType {
  const operand = inputs.find(({ type }) => type.dtype !== "bool");
  return operand?.type.dtype ?? outputs[0]?.dtype ?? "f32";
}
