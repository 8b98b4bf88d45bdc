/** Maxima of integers of 8 and 16 bits: whole vectors of channels in their own type, nothing widened. */
import { type DType, dtypeInfo, isSigned, storageBytes } from "../../../ir/dtype.ts";
import type { FunctionBuilder, Local, OpName } from "../wasm/index.ts";
import type { WalkBody } from "./window-walk.ts";

type NarrowInteger = "i8" | "u8" | "i16" | "u16";

const isNarrowInteger = (dtype: DType): dtype is NarrowInteger =>
  dtype === "i8" || dtype === "u8" || dtype === "i16" || dtype === "u16";

const maxima: { readonly [D in NarrowInteger]: OpName } = {
  i8: "i8x16.max_s",
  u8: "i8x16.max_u",
  i16: "i16x8.max_s",
  u16: "i16x8.max_u",
};

/** Bytes that a vector may hold, the most first. */
const vectorSizes = [16, 8, 4] as const;
type VectorSize = (typeof vectorSizes)[number];

const sizeOf = (dtype: DType, channels: number): VectorSize | undefined =>
  vectorSizes.find((size) => (channels * storageBytes(dtype)) % size === 0);

/** Channels in a vector whose maximum is taken at once; null where they make no whole vectors, or are of another type. */
export function maximumLanes(dtype: DType, channels: number): 2 | 4 | 8 | 16 | null {
  const size = isNarrowInteger(dtype) ? sizeOf(dtype, channels) : undefined;
  return size === undefined ? null : ((size / storageBytes(dtype)) as 2 | 4 | 8 | 16);
}

/** The body of a walk over vectors of `maximumLanes` channels; `outOffset` gives the bytes from a tile's result to that of a column. */
export function integerMaxBody(dtype: DType, channels: number, outOffset: (column: number) => number): WalkBody {
  const size = sizeOf(dtype, channels);
  if (!isNarrowInteger(dtype) || size === undefined) throw new Error(`internal: maxima of ${channels} ${dtype}`);
  let best: Local[] = [];
  return {
    start: ({ f, columns }) => {
      best = f.localArray("v128", columns.length);
      for (const acc of best) {
        pushLeast(f, dtype);
        f.set(acc);
      }
    },
    visit: ({ f }, image, _, taps) => {
      for (const { column, offset } of taps) {
        const acc = best[column] as Local;
        f.get(acc);
        f.get(image);
        f.load(({ 16: "v128.load", 8: "v128.load64_zero", 4: "v128.load32_zero" } as const)[size], offset);
        f.op(maxima[dtype]);
        f.set(acc);
      }
    },
    finish: ({ f, columns, operands }) => {
      for (const { index } of columns) {
        f.get(operands[0] as Local);
        f.get(best[index] as Local);
        if (size === 16) f.store("v128.store", outOffset(index));
        else f.memoryLane(size === 8 ? "v128.store64_lane" : "v128.store32_lane", 0, outOffset(index));
      }
      f.release(...best);
    },
  };
}

function pushLeast(f: FunctionBuilder, dtype: NarrowInteger): void {
  const { bits } = dtypeInfo(dtype);
  f.splatConst(bits === 8 ? "i8x16" : "i16x8", isSigned(dtype) ? -(2 ** (bits - 1)) : 0);
}
