/** The order in which elements are ranked: NaN before every number, whether the largest or the smallest comes next. */
import { type DType, isFloat } from "../../../ir/dtype.ts";
import { scalarRep } from "../math/scalar-casts.ts";
import { scalarBinary } from "../math/scalar-ops.ts";
import type { FunctionBuilder, Local } from "../wasm/index.ts";

/** Pushes whether x comes strictly before y. */
export function pushBefore(f: FunctionBuilder, dtype: DType, largest: boolean, x: Local, y: Local): void {
  f.get(x);
  f.get(y);
  scalarBinary(f, largest ? "gt" : "lt", dtype);
  if (!isFloat(dtype)) return;
  const rep = scalarRep(dtype) as "f32" | "f64";
  f.get(x);
  f.get(x);
  f.op(`${rep}.ne`);
  f.get(y);
  f.get(y);
  f.op(`${rep}.eq`);
  f.op("i32.and");
  f.op("i32.or");
}
