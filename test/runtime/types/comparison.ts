/** Every type of onnxruntime's API beside wsc's of the same name: each may stand where the other is asked for. `npm run typecheck` is the test. */
import type * as theirs from "onnxruntime-common";
import type * as ours from "../../../runtime/index.ts";

/** `true` where values of either type pass for the other. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : "theirs lacks members") : "ours lacks members";
type Both<Name extends string, A, B> = { readonly [name in Name]: Same<A, B> };

/** As `Same`, for options to which wsc has added some. */
type Extended<Name extends string, A, B> = { readonly [name in Name]: [A] extends [B] ? true : "ours lacks members" };

type Images = Both<"ImageFormat", ours.ImageFormat, theirs.ImageFormat> &
  Both<"ImageTensorLayout", ours.ImageTensorLayout, theirs.ImageTensorLayout> &
  Both<"OptionsFormat", ours.OptionsFormat, theirs.OptionsFormat> &
  Both<"OptionsTensorFormat", ours.OptionsTensorFormat, theirs.OptionsTensorFormat> &
  Both<"OptionsTensorDataType", ours.OptionsTensorDataType, theirs.OptionsTensorDataType> &
  Both<"OptionsTensorLayout", ours.OptionsTensorLayout, theirs.OptionsTensorLayout> &
  Both<"OptionsDimensions", ours.OptionsDimensions, theirs.OptionsDimensions> &
  Both<"OptionResizedDimensions", ours.OptionResizedDimensions, theirs.OptionResizedDimensions> &
  Both<"Normalization", ours.OptionsNormalizationParameters, theirs.OptionsNormalizationParameters> &
  Both<"FromImageData", ours.TensorFromImageDataOptions, theirs.TensorFromImageDataOptions> &
  Both<"FromImageElement", ours.TensorFromImageElementOptions, theirs.TensorFromImageElementOptions> &
  Both<"FromImageBitmap", ours.TensorFromImageBitmapOptions, theirs.TensorFromImageBitmapOptions> &
  Both<"FromUrl", ours.TensorFromUrlOptions, theirs.TensorFromUrlOptions> &
  Both<"ToDataUrl", ours.TensorToDataUrlOptions, theirs.TensorToDataUrlOptions> &
  Both<"ToImageData", ours.TensorToImageDataOptions, theirs.TensorToImageDataOptions> &
  Both<"ConversionUtils", ours.ConversionUtils, theirs.ConversionUtils>;

type Tensors = Both<"Tensor", ours.Tensor, theirs.Tensor> &
  Both<"TypedTensor", ours.TypedTensor<"float16">, theirs.TypedTensor<"float16">> &
  Both<"DataTypeMap", ours.Tensor.DataTypeMap, theirs.Tensor.DataTypeMap> &
  Both<"ElementTypeMap", ours.Tensor.ElementTypeMap, theirs.Tensor.ElementTypeMap> &
  Both<"DataType", ours.Tensor.DataType, theirs.Tensor.DataType> &
  Both<"ElementType", ours.Tensor.ElementType, theirs.Tensor.ElementType> &
  Both<"Type", ours.Tensor.Type, theirs.Tensor.Type> &
  Both<"DataLocation", ours.Tensor.DataLocation, theirs.Tensor.DataLocation> &
  Both<"CpuPinnedDataTypes", ours.Tensor.CpuPinnedDataTypes, theirs.Tensor.CpuPinnedDataTypes> &
  Both<"TextureType", ours.Tensor.TextureType, theirs.Tensor.TextureType> &
  Both<"TextureDataTypes", ours.Tensor.TextureDataTypes, theirs.Tensor.TextureDataTypes> &
  Both<"GpuBufferType", ours.Tensor.GpuBufferType, theirs.Tensor.GpuBufferType> &
  Both<"GpuBufferDataTypes", ours.Tensor.GpuBufferDataTypes, theirs.Tensor.GpuBufferDataTypes> &
  Both<"MLTensorType", ours.Tensor.MLTensorType, theirs.Tensor.MLTensorType> &
  Both<"MLTensorDataTypes", ours.Tensor.MLTensorDataTypes, theirs.Tensor.MLTensorDataTypes> &
  Both<"Pinned", ours.CpuPinnedConstructorParameters, theirs.CpuPinnedConstructorParameters> &
  Both<"Texture", ours.TextureConstructorParameters, theirs.TextureConstructorParameters> &
  Both<"GpuBuffer", ours.GpuBufferConstructorParameters, theirs.GpuBufferConstructorParameters> &
  Both<"MLTensor", ours.MLTensorConstructorParameters, theirs.MLTensorConstructorParameters> &
  Both<"FromTexture", ours.TensorFromTextureOptions<"float32">, theirs.TensorFromTextureOptions<"float32">> &
  Both<"FromGpuBuffer", ours.TensorFromGpuBufferOptions<"bool">, theirs.TensorFromGpuBufferOptions<"bool">> &
  Both<"FromMLTensor", ours.TensorFromMLTensorOptions<"int4">, theirs.TensorFromMLTensorOptions<"int4">> &
  Both<"TensorFactory", ours.TensorFactory, theirs.TensorFactory> &
  Extended<"TensorConstructor", ours.TensorConstructor, theirs.TensorConstructor>;

type Ours = typeof ours.InferenceSession;
type Sessions = Both<"InferenceSession", ours.InferenceSession, theirs.InferenceSession> &
  Extended<"create", Ours, theirs.InferenceSessionFactory> &
  Both<"InferenceSessionFactory", ours.InferenceSessionFactory, theirs.InferenceSessionFactory> &
  Both<"SessionOptions", ours.InferenceSession.SessionOptions, theirs.InferenceSession.SessionOptions> &
  Both<"RunOptions", ours.InferenceSession.RunOptions, theirs.InferenceSession.RunOptions> &
  Both<"FeedsType", ours.InferenceSession.FeedsType, theirs.InferenceSession.FeedsType> &
  Both<"FetchesType", ours.InferenceSession.FetchesType, theirs.InferenceSession.FetchesType> &
  Both<"ReturnType", ours.InferenceSession.ReturnType, theirs.InferenceSession.ReturnType> &
  Both<"OnnxValueMapType", ours.InferenceSession.OnnxValueMapType, theirs.InferenceSession.OnnxValueMapType> &
  Both<
    "NullableOnnxValueMapType",
    ours.InferenceSession.NullableOnnxValueMapType,
    theirs.InferenceSession.NullableOnnxValueMapType
  > &
  Both<"ValueMetadata", ours.InferenceSession.ValueMetadata, theirs.InferenceSession.ValueMetadata> &
  Both<
    "ExecutionProviderOptionMap",
    ours.InferenceSession.ExecutionProviderOptionMap,
    theirs.InferenceSession.ExecutionProviderOptionMap
  > &
  Both<
    "ExecutionProviderConfig",
    ours.InferenceSession.ExecutionProviderConfig,
    theirs.InferenceSession.ExecutionProviderConfig
  > &
  Both<"OnnxValue", ours.OnnxValue, theirs.OnnxValue> &
  Both<"OnnxValueDataLocation", ours.OnnxValueDataLocation, theirs.OnnxValueDataLocation> &
  Both<"NonTensorType", ours.NonTensorType, theirs.NonTensorType> &
  Both<"OnnxModelOptions", ours.OnnxModelOptions, theirs.OnnxModelOptions> &
  Both<"FileType", ours.FileType, theirs.FileType> &
  Both<"ExternalDataFileType", ours.ExternalDataFileType, theirs.ExternalDataFileType>;

type Environment = Both<"Env", ours.Env, theirs.Env> &
  Both<"WebAssemblyFlags", ours.Env.WebAssemblyFlags, theirs.Env.WebAssemblyFlags> &
  Both<"WebGLFlags", ours.Env.WebGLFlags, theirs.Env.WebGLFlags> &
  Both<"WebGpuFlags", ours.Env.WebGpuFlags, theirs.Env.WebGpuFlags>;

/** Fails to compile, with the name, where one differs. */
type AllTrue<T extends { readonly [name in keyof T]: true }> = T;
export type Compared = AllTrue<Images> & AllTrue<Tensors> & AllTrue<Sessions> & AllTrue<Environment>;
