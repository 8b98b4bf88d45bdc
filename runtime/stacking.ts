/** Slices and stacks of tensors along an axis: what Loop and Scan do between iterations. */
import { fail } from "../ir/diagnostic.ts";
import { storageBytes } from "../ir/dtype.ts";
import { maxMemoryBytes } from "../ir/program-text.ts";
import { allocateElements, elementCount, type Elements, slotsPerElement, type TensorData } from "../ir/tensor.ts";
import { sameShape, showShape } from "../ir/types.ts";

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

/** One element of a stacked result where there was none. */
export interface ElementType {
  readonly dtype: TensorData["dtype"];
  readonly shape: readonly number[];
}

/** The elements of one stacked result, as iterations give them. */
export class Stack {
  readonly #subject: string;
  #first: TensorData | null = null;
  #count = 0;
  /** those of all parts, one behind the other, and room for more */
  #elements: Elements = [];

  /** `subject` is the op whose result it is, for messages. */
  constructor(subject: string) {
    this.#subject = subject;
  }

  /** Takes a copy. Throws WSC3004 for an element of another shape than the first one's, WSC1009 when no memory could hold them all. */
  push(part: TensorData): void {
    this.#first ??= part;
    const { shape } = this.#first;
    if (!sameShape(part.shape, shape)) {
      const message = `it stacks results of one shape, and got ${showShape(shape)} first and ${showShape(part.shape)} in iteration ${this.#count}`;
      throw fail("WSC3004", message, { subject: this.#subject });
    }
    const each = elementCount(shape);
    const count = this.#count + 1;
    if (count * each * storageBytes(part.dtype) > maxMemoryBytes) {
      const message = `a stacked result takes more than 4 GiB after ${count} iterations`;
      throw fail("WSC1009", message, { subject: this.#subject });
    }
    const slots = each * slotsPerElement(part.dtype);
    if (count * slots > this.#elements.length) {
      const grown = allocateElements(part.dtype, Math.max(count, 2 * this.#count) * each);
      if (this.#count > 0) copySlots(grown, 0, this.#elements, 0, this.#count * slots);
      this.#elements = grown;
    }
    copySlots(this.#elements, this.#count * slots, part.elements, 0, slots);
    this.#count = count;
  }

  /** The elements along a new axis; `none` says what they would be where there are none. */
  finish(axis: number, reverse: boolean, none: () => ElementType): TensorData {
    const { dtype, shape: element } = this.#first ?? none();
    const count = this.#count;
    const shape = [...element.slice(0, axis), count, ...element.slice(axis)];
    const inner = elementCount(element.slice(axis)) * slotsPerElement(dtype);
    const outer = elementCount(element.slice(0, axis));
    const elements = allocateElements(dtype, elementCount(shape));
    for (let part = 0; part < count && elements.length > 0; part++) {
      const from = (reverse ? count - 1 - part : part) * outer * inner;
      for (let i = 0; i < outer; i++)
        copySlots(elements, (i * count + part) * inner, this.#elements, from + i * inner, inner);
    }
    return { dtype, shape, elements };
  }
}
