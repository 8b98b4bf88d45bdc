/** Recounts a plan from the model's layers alone: every layer once and whole, no wafer beyond its cores' memory, in the order of the model. */
import type { LayerShape } from "../models/build.ts";
import type { WaferLoad } from "./wafers.ts";

/** What the recount needs of a layer, in bytes. */
export interface CountedLayer {
  readonly name: string;
  readonly weights: number;
  readonly cache: number;
  readonly experts: number;
}

const tolerance = 1e-6;

/** What is wrong with a plan, in words; nothing: it holds. */
export function planProblems(
  layers: readonly CountedLayer[],
  wafers: readonly WaferLoad[],
  capacity: number,
): readonly string[] {
  const problems: string[] = [];
  for (const [i, { weights, cache, values }] of wafers.entries()) {
    const over = weights + cache + values - capacity;
    if (over > capacity * tolerance) problems.push(`wafer ${i + 1} is ${Math.ceil(over)} bytes over its memory`);
  }
  const order = wafers
    .flatMap(({ layers: parts }) => parts.map(({ name }) => name))
    .filter((name, i, all) => name !== all[i - 1]);
  const expected = layers.filter(({ weights, cache }) => weights + cache > 0).map(({ name }) => name);
  if (order.join() !== expected.join()) problems.push("the layers are not those of the model, in its order");
  for (const { name, experts } of layers) {
    const parts = wafers.flatMap((wafer) => wafer.layers.filter((part) => part.name === name));
    const share = parts.reduce((sum, part) => sum + part.share, 0);
    if (parts.length > 0 && Math.abs(share - 1) > tolerance) problems.push(`${name} is there ${share} times`);
    const placed = parts.flatMap((part) => (part.experts === null ? [] : [part.experts]));
    const ends = placed.reduce((end, [from, to]) => (from === end ? to : Number.NaN), 0);
    if (experts > 0 && ends !== experts) problems.push(`experts of ${name} are not all there once`);
  }
  const held = wafers.reduce((sum, { weights, cache }) => sum + weights + cache, 0);
  const needed = layers.reduce((sum, { weights, cache }) => sum + weights + cache, 0);
  if (Math.abs(held - needed) > needed * tolerance) problems.push(`wafers hold ${held} bytes of ${needed}`);
  return problems;
}

/** Layers of a model as the recount takes them. */
export const countedLayers = (
  layers: readonly LayerShape[],
  bytes: (layer: LayerShape) => { readonly weights: number; readonly cache: number },
): readonly CountedLayer[] => layers.map((layer) => ({ name: layer.name, experts: layer.experts, ...bytes(layer) }));
