/** Constants side by side along an axis. */
import { nth } from "./access.ts";
import { derived } from "../../ir/lineage.ts";
import { allocateElements, type Elements, elementCount, slotsPerElement, type TensorData } from "../../ir/tensor.ts";

/** A constant that takes `size` elements of the axis; one element stands for all of them. */
export interface JoinedPart {
  readonly constant: TensorData;
  readonly size: number;
}

type Numbers = Exclude<Elements, readonly string[]>;

/** Joins numeric constants of one dtype that agree in all dims but the axis. */
export function joinConstants(parts: readonly JoinedPart[], axis: number): TensorData {
  const { dtype, shape } = nth(parts, 0).constant;
  const sizes = parts.map(({ size }) => size);
  const joined = shape.with(axis, sizes.reduce((sum, size) => sum + size, 0)); // prettier-ignore
  const inner = elementCount(shape.slice(axis + 1)) * slotsPerElement(dtype);
  const outer = elementCount(shape.slice(0, axis));
  const elements = allocateElements(dtype, elementCount(joined)) as Numbers;
  let at = 0;
  for (let index = 0; index < outer; index++) {
    for (const { constant, size } of parts) {
      const own = nth(constant.shape, axis) * inner;
      const piece = (constant.elements as Numbers).subarray(index * own, (index + 1) * own);
      for (const end = at + size * inner; at < end; at += own) elements.set(piece as never, at);
    }
  }
  const recipe = `join ${axis} ${sizes.join(" ")}`;
  return derived(recipe, parts.map(({ constant }) => constant), { dtype, shape: joined, elements }); // prettier-ignore
}
