/** Loads and stores of runs of elements as vector lanes, down to the ragged end of a row: no byte outside the run is touched. */
import { type DType, storageBytes } from "../../../../ir/dtype.ts";
import { fail } from "../../../../ir/diagnostic.ts";
import { loadScalar, loadVector, narrowings, storeVector } from "../../elements.ts";
import { scalarRep } from "../../math/scalar-casts.ts";
import { hasLaneForm } from "../../math/vector-ops.ts";
import type { FunctionBuilder, Local, OpName, ValType } from "../../wasm/index.ts";

/** The local type that carries one element; throws where kernels cannot compute on the dtype. */
export function elementLocal(dtype: DType): ValType {
  if (storageBytes(dtype) === 0) throw fail("WSC6001", `kernels cannot compute on elements of type ${dtype}`);
  return scalarRep(dtype);
}

/** True when `lanes` elements of the dtype can be loaded into the lanes of one vector (narrow types are widened). */
export const canLoadLanes = (dtype: DType, lanes: 2 | 4): boolean =>
  lanes === 2 ? storageBytes(dtype) === 8 : hasLaneForm(dtype);

/** Pushes `count` (1 to `lanes`) elements at pointer + offset (bytes) as the low lanes of a vector. */
export function loadLanes(
  f: FunctionBuilder,
  dtype: DType,
  pointer: Local,
  offset: number,
  lanes: 2 | 4,
  count: number,
): void {
  if (count === lanes) {
    f.get(pointer);
    if (lanes === 4) loadVector(f, dtype, offset);
    else f.load("v128.load", offset);
  } else if (storageBytes(dtype) >= 4) {
    loadWords(f, pointer, offset, storageBytes(dtype) * count);
  } else {
    loadOneByOne(f, dtype, pointer, offset, count);
  }
}

/** Pushes 4, 8 or 12 bytes as the low lanes of a vector. */
function loadWords(f: FunctionBuilder, pointer: Local, offset: number, bytes: number): void {
  f.get(pointer);
  f.load(bytes === 4 ? "v128.load32_zero" : "v128.load64_zero", offset);
  if (bytes !== 12) return;
  const vector = f.local("v128");
  f.set(vector);
  f.get(pointer);
  f.get(vector);
  f.memoryLane("v128.load32_lane", 2, offset + 8);
  f.release(vector);
}

function loadOneByOne(f: FunctionBuilder, dtype: DType, pointer: Local, offset: number, count: number): void {
  for (let lane = 0; lane < count; lane++) {
    f.get(pointer);
    loadScalar(f, dtype, offset + lane * storageBytes(dtype));
    if (lane === 0) f.op("i32x4.splat");
    else f.lane("i32x4.replace_lane", lane);
  }
  if (dtype === "bool") f.op("i32x4.neg");
}

/** True for dtypes that `loadHalves` loads. */
export const isByte = (dtype: DType): boolean => dtype === "i8" || dtype === "u8";

/** Loads sixteen bytes at pointer + offset (bytes) as two vectors of eight elements in 16 bits. */
export function loadHalves(f: FunctionBuilder, dtype: DType, pointer: Local, offset: number): readonly Local[] {
  const halves = f.localArray("v128", 2);
  const [lower, upper] = halves as [Local, Local];
  f.get(pointer);
  f.load("v128.load", offset);
  f.tee(upper);
  f.op(dtype === "i8" ? "i16x8.extend_low_i8x16_s" : "i16x8.extend_low_i8x16_u");
  f.set(lower);
  f.get(upper);
  f.op(dtype === "i8" ? "i16x8.extend_high_i8x16_s" : "i16x8.extend_high_i8x16_u");
  f.set(upper);
  return halves;
}

/** Pushes four elements of a half that `loadHalves` loaded, as lanes. */
export function pushQuarter(f: FunctionBuilder, dtype: DType, half: Local, isUpper: boolean): void {
  f.get(half);
  f.op(`i32x4.extend_${isUpper ? "high" : "low"}_i16x8_${dtype === "i8" ? "s" : "u"}`);
}

/** True when `storeLanes` can store `count` lanes of the dtype. */
export const canStoreLanes = (dtype: DType, lanes: 2 | 4, count: number): boolean =>
  storageBytes(dtype) * lanes === 16 || (lanes === 4 && count === 4 && canLoadLanes(dtype, 4));

/** Stores the low `count` lanes of a vector at pointer + offset (bytes). */
export function storeLanes(
  f: FunctionBuilder,
  dtype: DType,
  pointer: Local,
  offset: number,
  vector: Local,
  lanes: 2 | 4,
  count: number,
): void {
  if (count === lanes) {
    f.get(pointer);
    f.get(vector);
    if (lanes === 4) storeVector(f, dtype, offset);
    else f.store("v128.store", offset);
    return;
  }
  const bytes = storageBytes(dtype) * count;
  if (bytes >= 8) {
    f.get(pointer);
    f.get(vector);
    f.memoryLane("v128.store64_lane", 0, offset);
  }
  if (bytes % 8 !== 0) {
    f.get(pointer);
    f.get(vector);
    f.memoryLane("v128.store32_lane", bytes === 4 ? 0 : 2, offset + bytes - 4);
  }
}

/** True for dtypes that `storePacked` stores. */
export const isPackable = (dtype: DType): boolean => dtype === "i8" || dtype === "u8" || dtype === "i16";

/** Stores vectors of four integers each as neighbours at pointer + offset (bytes), packed to whole vectors of the dtype. */
export function storePacked(
  f: FunctionBuilder,
  dtype: DType,
  pointer: Local,
  offset: number,
  vectors: readonly Local[],
): void {
  const ops = narrowings(dtype);
  const perStore = 2 ** ops.length;
  for (let first = 0; first < vectors.length; first += perStore) {
    f.get(pointer);
    pushPacked(f, ops, vectors.slice(first, first + perStore));
    f.store("v128.store", offset + first * 4 * storageBytes(dtype));
  }
}

function pushPacked(f: FunctionBuilder, ops: readonly OpName[], vectors: readonly Local[]): void {
  const op = ops.at(-1);
  if (op === undefined) {
    f.get(vectors[0] as Local);
    return;
  }
  const half = vectors.length / 2;
  pushPacked(f, ops.slice(0, -1), vectors.slice(0, half));
  pushPacked(f, ops.slice(0, -1), vectors.slice(half));
  f.op(op);
}

/** Pushes a lane of an accumulator of 4 or 2 elements as a scalar. */
export function extractLane(f: FunctionBuilder, dtype: DType, vector: Local, lane: number): void {
  f.get(vector);
  if (dtype === "f32") f.lane("f32x4.extract_lane", lane);
  else if (dtype === "f64") f.lane("f64x2.extract_lane", lane);
  else if (dtype === "i64" || dtype === "u64") f.lane("i64x2.extract_lane", lane);
  else f.lane("i32x4.extract_lane", lane);
}
