/** What both transforms of a Winograd convolution do: lines of vectors through a form, and where a tile lies. */
import { nth } from "../../../../ir/access.ts";
import { type Push, pushLocal } from "../../math/algebra.ts";
import { hoistSplats } from "../../math/constants.ts";
import { type Bound, type FunctionBuilder, type Local, type ModuleBuilder, type ValType } from "../../wasm/index.ts";
import { decodeBounds, pushOffset } from "../index-space.ts";
import type { Transform } from "./forms.ts";
import { pushUnscaled } from "./integer-forms.ts";
import type { TileGeometry, WinogradPlan } from "./plan.ts";

/** How a transform's function comes to its geometry: from none of its parameters where all sizes are known, else from `count` of them. */
export interface GeometrySource {
  readonly count: number;
  readonly geometry: (sizes: readonly Local[]) => TileGeometry;
}

/** So many parameters of type i32. */
export const i32s = (count: number): ValType[] => Array.from({ length: count }, () => "i32");

/** Puts the constants of both forms into locals. */
export function hoistForms(f: FunctionBuilder, plan: WinogradPlan, side: "input" | "output"): void {
  for (const form of plan.forms) {
    hoistSplats(f, (probe) => {
      const zero = (): void => {
        probe.splatConst("i32x4", 0);
      };
      const operands = Array.from({ length: form.size }, () => zero);
      for (const push of form[side](probe, operands, [])) {
        push();
        probe.drop();
      }
    });
  }
  if (side === "output") hoistScales(f, plan);
}

function hoistScales(f: FunctionBuilder, { forms: [vertical, horizontal] }: WinogradPlan): void {
  hoistSplats(f, (probe) => {
    for (const y of vertical.scale ?? []) {
      for (const x of horizontal.scale ?? []) {
        pushUnscaled(probe, () => { probe.splatConst("i32x4", 0); }, y * x); // prettier-ignore
        probe.drop();
      }
    }
  });
}

/**
 * Vectors of channels that a module's transforms take at once: two where they are to be joined, whose loads and stores then stand side by side.
 */
export const vectorsAtOnce = ({ features }: ModuleBuilder, { transformVectors }: WinogradPlan): number =>
  features.joinedVectors === true ? (transformVectors ?? 1) : 1;

/** What a line of vectors goes through: `width` lines of neighbouring channels at once, of `size` vectors each. */
export interface Line {
  readonly size: number;
  readonly width: number;
  readonly transform: Transform;
  /** pushes vector `index` of line `lane` */
  readonly load: (index: number, lane: number) => void;
  readonly store: (index: number, push: Push, lane: number) => void;
}

/** Loads some vectors, transforms them, and stores what comes out. */
export function transformLine(f: FunctionBuilder, { size, width, transform, load, store }: Line): void {
  const lanes = Array.from({ length: width }, () => f.localArray("v128", size));
  for (let index = 0; index < size; index++) {
    for (const [lane, operands] of lanes.entries()) {
      load(index, lane);
      f.set(nth(operands, index));
    }
  }
  const temporaries: Local[] = [];
  const results = lanes.map((operands) => transform(f, operands.map((local) => pushLocal(f, local)), temporaries));
  for (const index of nth(results, 0).keys()) {
    for (const [lane, pushes] of results.entries()) store(index, nth(pushes, index), lane);
  }
  f.release(...lanes.flat(), ...temporaries);
} // prettier-ignore

/** The pixel (row, column) where tile `tile` begins, times `strides`, and the image's index in the batch. */
export function tilePosition(f: FunctionBuilder, plan: WinogradPlan, { batch, grid }: TileGeometry, tile: Local, strides: readonly number[] = [1, 1]): { batch: Bound; corner: readonly [Local, Local] } {
  const indices = decodeBounds(f, tile, [batch, ...grid]);
  const corner = plan.forms.map((form, dim) => {
    const local = f.local("i32");
    f.i32(0);
    pushOffset(f, nth(indices, dim + 1), form.outputs * nth(strides, dim));
    f.set(local);
    return local;
  });
  return { batch: nth(indices, 0), corner: corner as [Local, Local] };
} // prettier-ignore

/** Sets a local to work + offset + tile * stride. */
export function pointer(f: FunctionBuilder, work: Local, offset: number, tile: Local, stride: number): Local {
  const local = f.local("i32");
  f.get(work);
  pushOffset(f, 1, offset);
  pushOffset(f, tile, stride);
  f.set(local);
  return local;
}
