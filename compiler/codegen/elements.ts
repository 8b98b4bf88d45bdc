/** Elements between memory and the forms that expressions compute in (kernel.ts, `ExprRequest`). */
import { type DType, dtypeInfo, storageBytes } from "../../ir/dtype.ts";
import { pushSplat } from "./math/constants.ts";
import { scalarRep } from "./math/scalar-casts.ts";
import type { FunctionBuilder, MemoryOpName, OpName } from "./wasm/index.ts";

const isSignExtended = (dtype: DType): boolean => dtypeInfo(dtype).class === "signed";

function scalarLoad(dtype: DType): MemoryOpName {
  const rep = scalarRep(dtype);
  const bytes = storageBytes(dtype);
  if (rep !== "i32" || bytes === 4) return `${rep}.load`;
  const suffix = isSignExtended(dtype) ? "s" : "u";
  return bytes === 1 ? `i32.load8_${suffix}` : `i32.load16_${suffix}`;
}

/** Replaces the address on the stack by the element there; any byte but 0 is true. */
export function loadScalar(f: FunctionBuilder, dtype: DType, offset = 0): void {
  f.load(scalarLoad(dtype), offset);
  if (dtype !== "bool") return;
  f.i32(0);
  f.op("i32.ne");
}

/** Stores the scalar on the stack at the address below it. */
export function storeScalar(f: FunctionBuilder, dtype: DType, offset = 0): void {
  const rep = scalarRep(dtype);
  const bytes = storageBytes(dtype);
  if (rep !== "i32" || bytes === 4) f.store(`${rep}.store`, offset);
  else f.store(bytes === 1 ? "i32.store8" : "i32.store16", offset);
}

/** Replaces the address on the stack by the four elements from there on. Reads exactly their bytes. */
export function loadVector(f: FunctionBuilder, dtype: DType, offset = 0): void {
  const bytes = storageBytes(dtype);
  const suffix = isSignExtended(dtype) ? "s" : "u";
  if (bytes === 4) f.load("v128.load", offset);
  else if (bytes === 2) f.load(`v128.load16x4_${suffix}`, offset);
  else {
    f.load("v128.load32_zero", offset);
    f.op(`i16x8.extend_low_i8x16_${suffix}`);
    f.op(`i32x4.extend_low_i16x8_${suffix}`);
  }
  if (dtype !== "bool") return;
  pushSplat(f, "i32x4", 0);
  f.op("i32x4.ne");
}

/** Replaces the address on the stack by the element there in all four lanes. */
export function loadSplat(f: FunctionBuilder, dtype: DType, offset = 0): void {
  if (storageBytes(dtype) === 4) {
    f.load("v128.load32_splat", offset);
    return;
  }
  loadScalar(f, dtype, offset);
  f.op("i32x4.splat");
  if (dtype === "bool") f.op("i32x4.neg");
}

/** What makes of two vectors of lanes one of half the size, until lanes have the dtype's. They hold values of the type: saturation changes none. */
export function narrowings(dtype: DType): readonly OpName[] {
  const suffix = isSignExtended(dtype) ? "s" : "u";
  switch (storageBytes(dtype)) {
    case 1:
      return ["i16x8.narrow_i32x4_s", `i8x16.narrow_i16x8_${suffix}`];
    case 2:
      return [`i16x8.narrow_i32x4_${suffix}`];
    default:
      return [];
  }
}

/** Stores the four lanes on the stack at the address below them. */
export function storeVector(f: FunctionBuilder, dtype: DType, offset = 0): void {
  const bytes = storageBytes(dtype);
  if (bytes === 4) {
    f.store("v128.store", offset);
    return;
  }
  if (dtype === "bool") {
    pushSplat(f, "i32x4", 1);
    f.op("v128.and");
  }
  const vector = f.local("v128");
  for (const op of narrowings(dtype)) {
    f.tee(vector);
    f.get(vector);
    f.op(op);
  }
  f.memoryLane(bytes === 1 ? "v128.store32_lane" : "v128.store64_lane", 0, offset);
  f.release(vector);
}
