/** Vectors taken apart: each lane by scalar code. */
import type { FunctionBuilder } from "../wasm/index.ts";
import type { Push } from "./algebra.ts";

/** A vector whose lanes scalar code gets: floats, floats as doubles, or integers. It is pushed once for each lane. */
export interface LaneOperand {
  readonly vector: Push;
  readonly kind: "f32" | "f64" | "i32";
}

/** Computes each lane by scalar code, which finds its operands on the stack. */
export function perLane(
  f: FunctionBuilder,
  operands: readonly LaneOperand[],
  result: "f32" | "i32",
  scalar: () => void,
): void {
  const lanes = { f32: "f32x4", f64: "f32x4", i32: "i32x4" } as const;
  const temporary = f.local("v128");
  for (let lane = 0; lane < 4; lane++) {
    if (lane > 0) f.get(temporary);
    for (const { vector, kind } of operands) {
      vector();
      f.lane(`${lanes[kind]}.extract_lane`, lane);
      if (kind === "f64") f.op("f64.promote_f32");
    }
    scalar();
    if (lane === 0) f.op(`${lanes[result]}.splat`);
    else f.lane(`${lanes[result]}.replace_lane`, lane);
    f.set(temporary);
  }
  f.get(temporary);
  f.release(temporary);
}
