/** Constants side by side along an axis. */
import { nth } from "../../ir/access.ts";
import { derived } from "../../ir/lineage.ts";
import { madeTensor } from "../../ir/tensor-source.ts";
import { allocateElements, type Elements, elementCount, slotsPerElement, type TensorData } from "../../ir/tensor.ts";

/** A constant that takes `size` elements of the axis; one element stands for all of them. */
export interface JoinedPart {
  readonly constant: TensorData;
  readonly size: number;
}

type Numbers = Exclude<Elements, readonly string[]>;

/** Joins numeric constants of one dtype that agree in all dims but the axis; those that are not at hand when they are needed. */
export function joinConstants(parts: readonly JoinedPart[], axis: number): TensorData {
  const { dtype, shape } = nth(parts, 0).constant;
  const sizes = parts.map(({ size }) => size);
  const joined = shape.with(axis, sizes.reduce((sum, size) => sum + size, 0)); // prettier-ignore
  const recipe = `join ${axis} ${sizes.join(" ")}`;
  const from = parts.map(({ constant }) => constant);
  const load = (): Numbers => joinedElements(parts, axis, joined);
  return derived(recipe, from, madeTensor(dtype, joined, { recipe, from, load }));
}

function joinedElements(parts: readonly JoinedPart[], axis: number, joined: readonly number[]): Numbers {
  const { dtype, shape } = nth(parts, 0).constant;
  const inner = elementCount(shape.slice(axis + 1)) * slotsPerElement(dtype);
  const outer = elementCount(shape.slice(0, axis));
  const elements = allocateElements(dtype, elementCount(joined)) as Numbers;
  const pieces = parts.map(({ constant, size }) => {
    return { own: nth(constant.shape, axis) * inner, source: constant.elements as Numbers, size };
  });
  let at = 0;
  for (let index = 0; index < outer; index++) {
    for (const { own, source, size } of pieces) {
      const piece = source.subarray(index * own, (index + 1) * own);
      for (const end = at + size * inner; at < end; at += own) elements.set(piece as never, at);
    }
  }
  return elements;
}
