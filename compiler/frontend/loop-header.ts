/** What a Loop's body is given before all else: the iteration's number and the condition, which a body may declare as [] or as [1]. */
import type { OnnxGraph, OnnxValueInfo } from "./onnx.ts";

export interface HeaderShapes {
  readonly iteration: readonly number[];
  readonly condition: readonly number[];
}

/** The shapes in which a body sees its header: one element, in as many dims as it declares. */
export const headerShapes = ({ inputs: [iteration, condition] }: OnnxGraph): HeaderShapes => ({
  iteration: declaredOnes(iteration),
  condition: declaredOnes(condition),
});

function declaredOnes(formal: OnnxValueInfo | undefined): readonly number[] {
  return formal?.type?.kind === "tensor" ? (formal.type.dims ?? []).map(() => 1) : [];
}
