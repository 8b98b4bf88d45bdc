/** The types of onnxruntime's `Tensor`: what a program that is written against them sees. tensor.ts gives them their names. */
import type { GlobalType, ImageBitmapType, ImageDataType, ImageElementType } from "./host-types.ts";
import type {
  OptionsDimensions,
  OptionsFormat,
  TensorFromImageBitmapOptions,
  TensorFromImageDataOptions,
  TensorFromImageElementOptions,
  TensorFromUrlOptions,
  TensorToDataUrlOptions,
  TensorToImageDataOptions,
} from "./images/options.ts";

/** The array of each element type. */
export interface DataTypeMap {
  float32: Float32Array;
  uint8: Uint8Array;
  int8: Int8Array;
  uint16: Uint16Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  string: string[];
  bool: Uint8Array;
  /** bit patterns; where the engine has it, a Float16Array, which holds numbers */
  float16: Uint16Array;
  float64: Float64Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
  uint4: Uint8Array;
  int4: Int8Array;
}

/** One element of each element type, as JavaScript has it. */
export interface ElementTypeMap {
  float32: number;
  uint8: number;
  int8: number;
  uint16: number;
  int16: number;
  int32: number;
  int64: bigint;
  string: string;
  bool: boolean;
  float16: number;
  float64: number;
  uint32: number;
  uint64: bigint;
  uint4: number;
  int4: number;
}

export type ElementTypeName = keyof DataTypeMap;
export type TensorData = DataTypeMap[ElementTypeName];

/** Element types that onnxruntime's API does not have. Tensors of them pass for a `Tensor`; their `type` is the name here. */
export type FurtherTypeName =
  | "bfloat16"
  | "float8e4m3fn"
  | "float8e4m3fnuz"
  | "float8e5m2"
  | "float8e5m2fnuz"
  | "float8e8m0"
  | "float4e2m1"
  | "int2"
  | "uint2"
  | "complex64"
  | "complex128";

export type DataLocation = "none" | "cpu" | "cpu-pinned" | "texture" | "gpu-buffer" | "ml-tensor";

/** Element types of tensors in the places that have few. */
export type PinnedTypeName = Exclude<ElementTypeName, "string">;
export type TextureTypeName = "float32";
export type GpuBufferTypeName = "float32" | "float16" | "int32" | "int64" | "uint32" | "uint8" | "bool";
export type MLTensorTypeName =
  "float32" | "float16" | "int8" | "uint8" | "int32" | "uint32" | "int64" | "uint64" | "bool" | "uint4" | "int4";

export type Texture = GlobalType<"WebGLTexture">;
export type GpuBuffer = GlobalType<"GPUBuffer", { size: number; mapState: "unmapped" | "pending" | "mapped" }>;
export type MLTensor = GlobalType<"MLTensor", { destroy(): void }>;

export interface ConversionUtils {
  /** A PNG as a data URL. Defaults: format RGB, tensorLayout NCHW. */
  toDataURL(options?: TensorToDataUrlOptions): string;
  /** Pixels for a canvas. Defaults: format RGB, tensorLayout NCHW. */
  toImageData(options?: TensorToImageDataOptions): ImageDataType;
}

/** A tensor of a known element type. */
export interface TypedTensor<T extends ElementTypeName> extends ConversionUtils {
  readonly dims: readonly number[];
  readonly type: T;
  /** number of elements */
  readonly size: number;
  /** the elements; throws when they are not in JavaScript's memory */
  readonly data: DataTypeMap[T];
  readonly location: DataLocation;
  /** throws for a tensor that is no texture */
  readonly texture: Texture;
  /** throws for a tensor that is no buffer of WebGPU */
  readonly gpuBuffer: GpuBuffer;
  /** throws for a tensor that is none of WebNN */
  readonly mlTensor: MLTensor;
  /** The elements, fetched from where they are; `releaseData` gives back what held them there. */
  getData(releaseData?: boolean): Promise<DataTypeMap[T]>;
  /** Lets go of the data; the tensor is of no use afterwards, its location is "none". */
  dispose(): void;
  /** The same data with other dims. */
  reshape(dims: readonly number[]): TypedTensor<T>;
}

export type AnyTensor = TypedTensor<ElementTypeName>;

interface PlacedParameters<T> {
  readonly type: T;
  readonly dims: readonly number[];
}

/** How a resource outside of JavaScript's memory is read and given back; a tensor without them does not own it. */
interface ResourceParameters<T extends ElementTypeName> {
  download?(): Promise<DataTypeMap[T]>;
  dispose?(): void;
}

export interface CpuPinnedConstructorParameters<T extends PinnedTypeName = PinnedTypeName> extends PlacedParameters<T> {
  readonly location: "cpu-pinned";
  readonly data: DataTypeMap[T];
}

export interface TextureConstructorParameters<T extends TextureTypeName = TextureTypeName>
  extends PlacedParameters<T>, ResourceParameters<T> {
  readonly location: "texture";
  readonly texture: Texture;
}

export interface GpuBufferConstructorParameters<T extends GpuBufferTypeName = GpuBufferTypeName>
  extends PlacedParameters<T>, ResourceParameters<T> {
  readonly location: "gpu-buffer";
  readonly gpuBuffer: GpuBuffer;
}

export interface MLTensorConstructorParameters<T extends MLTensorTypeName = MLTensorTypeName>
  extends PlacedParameters<T>, ResourceParameters<T> {
  readonly location: "ml-tensor";
  readonly mlTensor: MLTensor;
}

export type TensorFromTextureOptions<T extends TextureTypeName> = Required<OptionsDimensions> &
  OptionsFormat &
  ResourceParameters<T>;

interface PlacedOptions<T extends ElementTypeName> extends ResourceParameters<T> {
  readonly dims: readonly number[];
  /** default float32 */
  dataType?: T;
}

export type TensorFromGpuBufferOptions<T extends GpuBufferTypeName> = PlacedOptions<T>;
export type TensorFromMLTensorOptions<T extends MLTensorTypeName> = PlacedOptions<T>;

type ImageTensor = Promise<TypedTensor<"float32"> | TypedTensor<"uint8">>;

/** Tensors from what is there. */
export interface TensorFactory {
  /** From pixels in memory. Defaults: tensorFormat RGB, tensorLayout NCHW, dataType float32. */
  fromImage(imageData: ImageDataType, options?: TensorFromImageDataOptions): ImageTensor;
  /** From an image of the page. Defaults: tensorFormat RGB, tensorLayout NCHW, dataType float32. */
  fromImage(imageElement: ImageElementType, options?: TensorFromImageElementOptions): ImageTensor;
  /** From an image file: a URL, also a data URL; in Node a path as well. Defaults: tensorFormat RGB, tensorLayout NCHW, dataType float32. */
  fromImage(urlSource: string, options?: TensorFromUrlOptions): ImageTensor;
  /** From a bitmap. Defaults: tensorFormat RGB, tensorLayout NCHW, dataType float32. */
  fromImage(bitmap: ImageBitmapType, options?: TensorFromImageBitmapOptions): ImageTensor;
  fromTexture<T extends TextureTypeName = "float32">(
    texture: Texture,
    options: TensorFromTextureOptions<T>,
  ): TypedTensor<"float32">;
  fromGpuBuffer<T extends GpuBufferTypeName>(buffer: GpuBuffer, options: TensorFromGpuBufferOptions<T>): TypedTensor<T>;
  fromMLTensor<T extends MLTensorTypeName>(tensor: MLTensor, options: TensorFromMLTensorOptions<T>): TypedTensor<T>;
  fromPinnedBuffer<T extends PinnedTypeName>(type: T, buffer: DataTypeMap[T], dims?: readonly number[]): TypedTensor<T>;
}

type Dims = readonly number[];

/**
 * `new Tensor("float32", data, [1, 3])`, or `new Tensor(new Float32Array(3), [1, 3])`. Without dims: one dimension. A typed array is used as it is.
 */
export interface TensorConstructor extends TensorFactory {
  new (type: "string", data: readonly string[], dims?: Dims): TypedTensor<"string">;
  new (type: "bool", data: Uint8Array | readonly boolean[], dims?: Dims): TypedTensor<"bool">;
  new (type: "uint8", data: Uint8ClampedArray, dims?: Dims): TypedTensor<"uint8">;
  new <T extends "uint64" | "int64">(
    type: T,
    data: DataTypeMap[T] | readonly bigint[] | readonly number[],
    dims?: Dims,
  ): TypedTensor<T>;
  new <T extends Exclude<ElementTypeName, "string" | "bool" | "uint64" | "int64">>(
    type: T,
    data: DataTypeMap[T] | readonly number[],
    dims?: Dims,
  ): TypedTensor<T>;
  new (data: Float32Array, dims?: Dims): TypedTensor<"float32">;
  new (data: Int8Array, dims?: Dims): TypedTensor<"int8">;
  new (data: Uint8Array | Uint8ClampedArray, dims?: Dims): TypedTensor<"uint8">;
  new (data: Uint16Array, dims?: Dims): TypedTensor<"uint16">;
  new (data: Int16Array, dims?: Dims): TypedTensor<"int16">;
  new (data: Int32Array, dims?: Dims): TypedTensor<"int32">;
  new (data: BigInt64Array, dims?: Dims): TypedTensor<"int64">;
  new (data: readonly string[], dims?: Dims): TypedTensor<"string">;
  new (data: readonly boolean[], dims?: Dims): TypedTensor<"bool">;
  new (data: Float64Array, dims?: Dims): TypedTensor<"float64">;
  new (data: Uint32Array, dims?: Dims): TypedTensor<"uint32">;
  new (data: BigUint64Array, dims?: Dims): TypedTensor<"uint64">;
  new (
    type: ElementTypeName,
    data: TensorData | readonly number[] | readonly string[] | readonly bigint[] | readonly boolean[],
    dims?: Dims,
  ): AnyTensor;
  new (data: TensorData, dims?: Dims): AnyTensor;
  new (type: FurtherTypeName, data: Uint8Array | Uint16Array | Float32Array | Float64Array, dims?: Dims): AnyTensor;
}
