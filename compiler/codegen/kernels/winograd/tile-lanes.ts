/** Channels of a pixel in the lanes that a tile's transform works on: four floats, or eight i16. No byte outside the channels is touched. */
import { type DType, storageBytes } from "../../../../ir/dtype.ts";
import type { FunctionBuilder, Local } from "../../wasm/index.ts";
import { loadLanes, storeLanes } from "../product/access.ts";
import type { WinogradPlan } from "./plan.ts";

/** Pushes `count` channels at pointer + offset (bytes) as four floats or eight i16; lanes behind them are zero. */
export function loadPixelLanes(
  f: FunctionBuilder,
  { elements, source }: Pick<WinogradPlan, "elements" | "source">,
  pointer: Local,
  offset: number,
  count: number,
): void {
  if (elements === "f32") loadLanes(f, "f32", pointer, offset, 4, count);
  else if (count === 8) {
    f.get(pointer);
    f.load(wholeLoads[halfSource(source)], offset);
  } else loadHalves(f, halfSource(source), pointer, offset, count);
}

const wholeLoads = { i8: "v128.load8x8_s", u8: "v128.load8x8_u", i16: "v128.load" } as const;

function halfSource(dtype: DType): keyof typeof wholeLoads {
  if (dtype === "i8" || dtype === "u8" || dtype === "i16") return dtype;
  throw new Error(`internal: an image of ${dtype} in lanes of 16 bits`);
}

/** Fewer than eight channels, one by one. */
function loadHalves(f: FunctionBuilder, source: keyof typeof wholeLoads, pointer: Local, offset: number, count: number): void {
  const vector = f.local("v128");
  f.splatConst("i32x4", 0);
  f.set(vector);
  for (let lane = 0; lane < count; lane++) {
    f.get(pointer);
    f.get(vector);
    const at = offset + lane * storageBytes(source);
    f.memoryLane(source === "i16" ? "v128.load16_lane" : "v128.load8_lane", lane, at);
    f.set(vector);
  }
  f.get(vector);
  if (source !== "i16") f.op(`i16x8.extend_low_i8x16_${source === "i8" ? "s" : "u"}`);
  f.release(vector);
} // prettier-ignore

/** Stores the first `count` channels of a transformed vector. */
export function storeTileLanes(
  f: FunctionBuilder,
  { elements }: Pick<WinogradPlan, "elements">,
  pointer: Local,
  offset: number,
  vector: Local,
  count: number,
): void {
  if (elements === "f32") {
    storeLanes(f, "f32", pointer, offset, vector, 4, count);
    return;
  }
  if (count === 8) {
    f.get(pointer);
    f.get(vector);
    f.store("v128.store", offset);
    return;
  }
  for (let lane = 0; lane < count; lane++) {
    f.get(pointer);
    f.get(vector);
    f.memoryLane("v128.store16_lane", lane, offset + lane * 2);
  }
}
