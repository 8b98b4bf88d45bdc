/** The runtime's public surface: onnxruntime's names, and wsc's own errors. */
export {
  InferenceSession,
  type InferenceSessionFactory,
  type NonTensorType,
  type OnnxValue,
  type OnnxValueDataLocation,
  type SessionFactory,
} from "./inference-session.ts";
export type { Feeds, Fetches, Results, Session } from "./session.ts";
export type { OnnxModelOptions, RunOptions, SessionOptions, WscOptions } from "./option-types.ts";
export type {
  ExternalDataFileDescription,
  ExternalDataFileType,
  FileBlob,
  FileData,
  FileType,
  FileUrlOrPath,
} from "./external-files.ts";
export { env, type Env } from "./env.ts";
export { Tensor, type TensorElements } from "./tensor.ts";
export type {
  ConversionUtils,
  CpuPinnedConstructorParameters,
  FurtherTypeName,
  GpuBufferConstructorParameters,
  MLTensorConstructorParameters,
  TensorConstructor,
  TensorFactory,
  TensorFromGpuBufferOptions,
  TensorFromMLTensorOptions,
  TensorFromTextureOptions,
  TextureConstructorParameters,
  TypedTensor,
} from "./tensor-types.ts";
export type {
  ImageFormat,
  ImageTensorLayout,
  OptionResizedDimensions,
  OptionsDimensions,
  OptionsFormat,
  OptionsNormalizationParameters,
  OptionsTensorDataType,
  OptionsTensorFormat,
  OptionsTensorLayout,
  TensorFromImageBitmapOptions,
  TensorFromImageDataOptions,
  TensorFromImageElementOptions,
  TensorFromUrlOptions,
  TensorToDataUrlOptions,
  TensorToImageDataOptions,
} from "./images/options.ts";
export { TRACE, TRACE_EVENT_BEGIN, TRACE_EVENT_END, TRACE_FUNC_BEGIN, TRACE_FUNC_END } from "./trace.ts";
export type { PortMetadata, SessionValue } from "./ports.ts";
export { type Diagnostic, type DiagnosticCode, WscError } from "../ir/diagnostic.ts";
