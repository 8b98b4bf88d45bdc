/**
 * Tensors whose elements are not at hand: in a file, or yet to be made of other tensors. They are what other tensors are, and `elements` reads or
 * makes them when they are asked for; who only needs type and shape never waits for a disk. What was read last is kept, up to a limit, so that a
 * model may be larger than memory.
 */
import { type DType, dtypeInfo } from "./dtype.ts";
import {
  type Elements,
  elementCount,
  makeTensor,
  slotsPerElement,
  type StoredSource,
  type TensorData,
  type TensorSource,
} from "./tensor.ts";

/** A tensor of which nothing is read or made yet. */
export function tensorOfSource(dtype: DType, shape: readonly number[], source: TensorSource): TensorData {
  return {
    dtype,
    shape,
    source,
    get elements(): Elements {
      return recent.elementsOf(source, elementCount(shape) * slotsPerElement(dtype));
    },
  };
}

/** How a tensor is made of others: together with them, `recipe` decides every element. */
export interface Making {
  readonly recipe: string;
  readonly from: readonly TensorData[];
  readonly load: () => Elements;
}

/** A tensor made of others: at once where those are at hand, else when its elements are asked for. */
export function madeTensor(dtype: DType, shape: readonly number[], making: Making): TensorData {
  if (making.from.every(isAtHand)) return makeTensor(dtype, shape, making.load());
  return tensorOfSource(dtype, shape, { kind: "made", ...making });
}

/** The same elements in another shape; nothing is read for it. */
export function withShape(tensor: TensorData, shape: readonly number[]): TensorData {
  const { dtype, source } = tensor;
  return source === undefined ? makeTensor(dtype, shape, tensor.elements) : tensorOfSource(dtype, shape, source);
}

/** Bytes of a numeric tensor where types narrower than a byte are packed, as in files. */
export const packedByteLength = ({ dtype, shape }: Pick<TensorData, "dtype" | "shape">): number =>
  Math.ceil((elementCount(shape) * dtypeInfo(dtype).bits) / 8);

/** Tensors of up to this many bytes are read when they are met: what decisions are made by, such as scales and zero points. */
export const smallTensorBytes: number = 16 * 1024;

/** True for a tensor whose elements need neither be read nor made. */
export const isAtHand = ({ source }: TensorData): boolean => source === undefined;

/** The ranges of files that a tensor is made of, each once; none for what is at hand. */
export function storedSources(tensors: Iterable<TensorData>): ReadonlySet<StoredSource> {
  const found = new Set<StoredSource>();
  const seen = new Set<TensorSource>();
  const pending = [...tensors];
  for (let tensor = pending.pop(); tensor !== undefined; tensor = pending.pop()) {
    const { source } = tensor;
    if (source === undefined || seen.has(source)) continue;
    seen.add(source);
    if (source.kind === "stored") found.add(source);
    else pending.push(...source.from);
  }
  return found;
}

// ---- what was read last -------------------------------------------------------------------------------------------------------------

/** Bytes of elements that are kept; the last tensor is kept however large it is. */
const keptBytes = 96 * 2 ** 20;

class RecentElements {
  /** the one used last is the last */
  readonly #kept = new Map<TensorSource, Elements>();
  #bytes = 0;
  #last: { readonly source: TensorSource; readonly elements: Elements } | null = null;

  elementsOf(source: TensorSource, length: number): Elements {
    if (this.#last?.source === source) return this.#last.elements;
    const known = this.#kept.get(source);
    const elements = known ?? source.load();
    if (elements.length !== length) throw new Error(`internal: a source gave ${elements.length} elements of ${length}`);
    if (known === undefined) this.#bytes += sizeOf(elements);
    this.#kept.delete(source);
    this.#kept.set(source, elements);
    this.#last = { source, elements };
    for (const [oldest, held] of this.#kept) {
      if (this.#bytes <= keptBytes || oldest === source) break;
      this.#kept.delete(oldest);
      this.#bytes -= sizeOf(held);
    }
    return elements;
  }

  clear(): void {
    this.#kept.clear();
    this.#bytes = 0;
    this.#last = null;
  }
}

const sizeOf = (elements: Elements): number => (ArrayBuffer.isView(elements) ? elements.byteLength : 0);

const recent = new RecentElements();

/** Lets go of all elements that were read: for who has what it needs of a model. */
export function forgetElements(): void {
  recent.clear();
}
