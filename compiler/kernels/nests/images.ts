/** What convolutions and pooling share: images of any number of spatial dims, in either layout, and windows over them. */
import { nth } from "../../../ir/access.ts";
import type { ConvLayout } from "../../../ir/graph.ts";
import type { Axis, Term } from "../../../ir/kernel-graph.ts";
import type { LoopNames } from "../nest.ts";

/** Batch, channels and spatial dims of an image tensor. */
export interface Image {
  readonly n: number;
  readonly c: number;
  readonly spatial: readonly number[];
}

export function imageOf(shape: readonly number[], layout: ConvLayout): Image {
  const [n = 1, second = 1] = shape;
  return layout === "nchw"
    ? { n, c: second, spatial: shape.slice(2) }
    : { n, c: shape.at(-1) ?? 1, spatial: shape.slice(1, -1) };
}

/** Batch, channels and spatial dims in the order of a layout. */
export const inLayout = <T>(layout: ConvLayout, n: T, c: T, spatial: readonly T[]): readonly T[] =>
  layout === "nchw" ? [n, c, ...spatial] : [n, ...spatial, c];

const usual = { positions: ["d", "h", "w"], taps: ["t", "r", "s"] } as const;

/** Names of the loops over positions, or over taps: the last ones are those of a picture. */
export const spatialNames = (of: keyof typeof usual, count: number): readonly string[] =>
  count <= 3 ? usual[of].slice(3 - count) : Array.from({ length: count }, (_, index) => `${usual[of][0]}${index}`);

/** Strides, dilations and leading pads of a window, one each per spatial dim. */
export interface WindowSteps {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padsBegin: readonly number[];
}

/** Positions of the input that a window touches, per spatial dim. */
export function windowAxes(names: LoopNames, input: readonly number[], steps: WindowSteps): readonly Axis[] {
  const positions = spatialNames("positions", input.length);
  const taps = spatialNames("taps", input.length);
  return input.map((size, dim) => {
    const terms: Term[] = [
      { loop: nth(positions, dim), factor: nth(steps.strides, dim) },
      { loop: nth(taps, dim), factor: nth(steps.dilations, dim) },
    ];
    // not -0, which no text form has
    return names.index(size, 0 - nth(steps.padsBegin, dim), ...terms);
  });
}

/** Adds a loop per spatial dim. */
export function addSpatial(names: LoopNames, of: keyof typeof usual, sizes: readonly number[]): readonly string[] {
  const spatial = spatialNames(of, sizes.length);
  for (const [dim, size] of sizes.entries()) names.add(spatial[dim] ?? "", size);
  return spatial;
}
