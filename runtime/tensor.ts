/**
 * `Tensor` as in onnxruntime's JavaScript API: a type, an array of elements, dims. Its class has names of types as members, as onnxruntime's has.
 */
import { dtypeInfo } from "../ir/dtype.ts";
import { fail } from "../ir/diagnostic.ts";
import { bytesOf, elementCount, slotsPerElement, type TensorData } from "../ir/tensor.ts";
import { ResidentTensor } from "./resident-caches.ts";
import {
  checkDims,
  dtypeOf,
  innerElements,
  isPacked,
  packElements,
  type TensorElements,
  unpackElements,
} from "./tensor-elements.ts";
import { Tensor as TensorObject } from "./tensor-object.ts";
import type * as Types from "./tensor-types.ts";

export type { TensorElements };

export type Tensor = Types.TypedTensor<Types.ElementTypeName>;

export const Tensor: Types.TensorConstructor = TensorObject as unknown as Types.TensorConstructor;

// eslint-disable-next-line @typescript-eslint/no-namespace -- types as members of a class's name can be said in no other way
export declare namespace Tensor {
  type DataTypeMap = Types.DataTypeMap;
  type ElementTypeMap = Types.ElementTypeMap;
  type DataType = Types.TensorData;
  type ElementType = Types.ElementTypeMap[Types.ElementTypeName];
  type Type = Types.ElementTypeName;
  type DataLocation = Types.DataLocation;
  type CpuPinnedDataTypes = Types.PinnedTypeName;
  type TextureType = Types.Texture;
  type TextureDataTypes = Types.TextureTypeName;
  type GpuBufferType = Types.GpuBuffer;
  type GpuBufferDataTypes = Types.GpuBufferTypeName;
  type MLTensorType = Types.MLTensor;
  type MLTensorDataTypes = Types.MLTensorTypeName;
}

/** What a tensor says of itself and holds, of whatever library it is. */
export interface TensorLike {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: TensorElements;
}

/** A tensor as wsc holds it inside: sub-byte types one element per byte. Shares memory where it can. */
export function toTensorData(tensor: TensorLike): TensorData {
  const source = tensor instanceof TensorObject ? TensorObject.sourceOf(tensor) : null;
  if (source !== null) return source;
  const { type, dims, data } = tensor;
  const dtype = dtypeOf(type);
  const shape = checkDims(dims);
  const inner = innerElements(dtype, data);
  const elements = isPacked(dtype) ? unpackElements(dtype, inner as Uint8Array, elementCount(shape)) : inner;
  if (elements.length !== elementCount(shape) * slotsPerElement(dtype)) {
    throw fail("WSC7002", `${elements.length} elements given for dims [${shape.join(",")}]`);
  }
  return { dtype, shape, elements };
}

export function fromTensorData(tensor: TensorData): Tensor {
  const { dtype, shape } = tensor;
  const type = dtypeInfo(dtype).ortName;
  if (tensor instanceof ResidentTensor) {
    return new TensorObject({ location: "cpu", type, dims: shape, source: tensor }) as unknown as Tensor;
  }
  const { elements } = tensor;
  const data = isPacked(dtype) ? packElements(dtype, shape, elements) : elements;
  return new TensorObject(type, data, shape) as unknown as Tensor;
}

/** A tensor of another library as one of ours: its parts have not been checked against each other yet. */
export const checkedTensor = (value: TensorLike): Tensor =>
  (value instanceof TensorObject
    ? value
    : new TensorObject(value.type, dataOf(value), value.dims)) as unknown as Tensor;

/** Another library's tensor may have its data elsewhere, and says so in its own way. */
function dataOf(tensor: TensorLike): TensorElements {
  try {
    return tensor.data;
  } catch (error) {
    throw fail(
      "WSC7002",
      `the tensor's data cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** Copies the elements of a tensor into the array of another one of the same type and size. */
export function copyInto({ data: target }: Tensor, { data }: Tensor): void {
  if (ArrayBuffer.isView(target)) bytesOf(target).set(bytesOf(data));
  else for (const [index, text] of (data as readonly string[]).entries()) target[index] = text;
}
