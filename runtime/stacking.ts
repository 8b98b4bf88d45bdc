/** Slices and stacks of tensors along an axis: what Loop and Scan do between iterations. */
import { allocateElements, elementCount, type Elements, slotsPerElement, type TensorData } from "../ir/tensor.ts";

/** Copies `count` slots between arrays of one type. */
function copySlots(target: Elements, at: number, source: Elements, from: number, count: number): void {
  if (ArrayBuffer.isView(target)) {
    (target as Float32Array).set((source as Float32Array).subarray(from, from + count), at);
    return;
  }
  for (let i = 0; i < count; i++) (target as string[])[at + i] = (source as readonly string[])[from + i] ?? "";
}

/** Element `index` along `axis`, with the axis removed. */
export function sliceAlong(tensor: TensorData, axis: number, index: number): TensorData {
  const { dtype, shape } = tensor;
  const outer = elementCount(shape.slice(0, axis));
  const inner = elementCount(shape.slice(axis + 1)) * slotsPerElement(dtype);
  const length = shape[axis] ?? 1;
  const result = [...shape.slice(0, axis), ...shape.slice(axis + 1)];
  const elements = allocateElements(dtype, elementCount(result));
  for (let i = 0; i < outer; i++) copySlots(elements, i * inner, tensor.elements, (i * length + index) * inner, inner);
  return { dtype, shape: result, elements };
}

/** Tensors of one shape stacked along a new axis; of none, a tensor with a dim of 0 there. */
export function stackTensors(
  parts: readonly TensorData[],
  type: { readonly dtype: TensorData["dtype"]; readonly shape: readonly number[] },
  axis: number,
): TensorData {
  const { dtype } = type;
  const element = parts[0]?.shape ?? type.shape;
  const shape = [...element.slice(0, axis), parts.length, ...element.slice(axis)];
  const inner = elementCount(element.slice(axis)) * slotsPerElement(dtype);
  const outer = elementCount(element.slice(0, axis));
  const elements = allocateElements(dtype, elementCount(shape));
  for (const [index, part] of parts.entries()) {
    for (let i = 0; i < outer; i++)
      copySlots(elements, (i * parts.length + index) * inner, part.elements, i * inner, inner);
  }
  return { dtype, shape, elements };
}
