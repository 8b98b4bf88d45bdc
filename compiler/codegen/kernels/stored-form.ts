/** The form in which a product keeps its constant matrix in memory: forms of fewer bits are what makes products of few rows fast. */
import type { TensorData } from "../../../ir/tensor.ts";
import { halfWeights } from "./product/half-floats.ts";
import { formOf } from "./streams/layout.ts";
import { isLarge } from "./streams/streams.ts";

/** The form's name; `dtype` for weights that are kept as they are. */
export function storedForm(weights: TensorData, isOneRow: boolean): string {
  if (weights.dtype !== "f32") return weights.dtype;
  const half = halfWeights(weights, 1);
  if (half !== null) return half.arith.name;
  return isOneRow && isLarge(weights) ? formOf(weights).kind.name : weights.dtype;
}
