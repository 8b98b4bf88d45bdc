/** Options of sessions and runs: onnxruntime's, of which most ask for what this runtime has no choice about, and wsc's own. */
import type { ExternalDataFileType } from "./external-files.ts";
import type { GlobalType } from "./host-types.ts";
import type { TimedStep } from "./instance.ts";
import type { DataLocation } from "./tensor-types.ts";

/** Where a session's data comes from beside its model. */
export interface OnnxModelOptions {
  /** external data, in place of files in the model's folder */
  externalData?: readonly ExternalDataFileType[];
}

/** What wsc has beyond onnxruntime. */
export interface WscOptions {
  /** for a compiled folder: its files are checked against the digests in its manifest while they are read; default true */
  verify?: boolean;
  /** plain SIMD in a fixed order: the same bits on every machine */
  deterministic?: boolean;
  /**
   * threads that share the kernels' work, the calling one among them; 0: as many as the machine runs. Default 1, or what onnxruntime's
   * `intraOpNumThreads` or `env.wasm.numThreads` say. One thread does the work where threads cannot share memory; results are the same.
   */
  threads?: number;
  /** for an `.onnx` model: a tuning file that `wsc compile --tune` wrote; a compiled folder has its choices in it */
  tuning?: string | URL;
  /**
   * kernels with vectors of 256 bits, where the engine is known to join pairs of 128 (Node 24 and 26 on x86-64); default true. They are tried
   * when they are loaded, and left where they give other bits. `deterministic` has none; a compiled folder has them if it was compiled so.
   */
  joinVectors?: boolean;
  /**
   * for an `.onnx` model: rounds what the layers of a wafer read and make to 16 bits, to see what `wsc compile --precision` does to the numbers.
   * Default "f32": the model's own types
   */
  precision?: "f32" | "f16" | "bf16";
  /** for an `.onnx` model in a page: its programs are kept in the browser's Cache Storage, by content; default true */
  cachePrograms?: boolean;
  /** iterations after which a Loop that would go on is ended by an error (WSC7008), so that no run is endless; default a million */
  maxLoopIterations?: number;
  /** is told of every kernel, host function and copy of a run how long it took; the calls themselves take time */
  onStep?: (step: TimedStep, milliseconds: number) => void;
  /** options and dims that nobody has are refused (WSC7003); by default those that look mistyped are warned of, and all are ignored */
  strict?: boolean;
}

/** Options without a comment have values that are checked, and no effect. */
export interface SessionOptions extends OnnxModelOptions, WscOptions {
  executionProviders?: readonly ExecutionProviderConfig[];
  /** threads, where `threads` is not given */
  intraOpNumThreads?: number;
  interOpNumThreads?: number;
  /** values of symbolic dims, by name */
  freeDimensionOverrides?: { readonly [dimensionName: string]: number };
  graphOptimizationLevel?: "disabled" | "basic" | "extended" | "layout" | "all";
  enableCpuMemArena?: boolean;
  enableMemPattern?: boolean;
  executionMode?: "sequential" | "parallel";
  optimizedModelFilePath?: string;
  enableProfiling?: boolean;
  profileFilePrefix?: string;
  logId?: string;
  /** above 2 nothing is said where a result has another shape than the model declares */
  logSeverityLevel?: 0 | 1 | 2 | 3 | 4;
  logVerbosityLevel?: number;
  preferredOutputLocation?: DataLocation | { readonly [outputName: string]: DataLocation };
  enableGraphCapture?: boolean;
  extra?: Record<string, unknown>;
}

export interface RunOptions {
  logSeverityLevel?: 0 | 1 | 2 | 3 | 4;
  logVerbosityLevel?: number;
  /** true: the run ends as soon as it begins */
  terminate?: boolean;
  tag?: string;
  extra?: Record<string, unknown>;
}

export interface ExecutionProviderOption {
  readonly name: string;
}

interface Provider<Name extends string> extends ExecutionProviderOption {
  readonly name: Name;
}

interface OnDevice<Name extends string> extends Provider<Name> {
  deviceId?: number;
}

export interface CpuExecutionProviderOption extends Provider<"cpu"> {
  useArena?: boolean;
}
export type CudaExecutionProviderOption = OnDevice<"cuda">;
export type DmlExecutionProviderOption = OnDevice<"dml">;
export type TensorRtExecutionProviderOption = OnDevice<"tensorrt">;
export type WebAssemblyExecutionProviderOption = Provider<"wasm">;
export type WebGLExecutionProviderOption = Provider<"webgl">;
export type XnnpackExecutionProviderOption = Provider<"xnnpack">;

type BufferCacheMode = "disabled" | "lazyRelease" | "simple" | "bucket";

export interface WebGpuExecutionProviderOption extends Provider<"webgpu"> {
  preferredLayout?: "NCHW" | "NHWC";
  forceCpuNodeNames?: readonly string[];
  validationMode?: "disabled" | "wgpuOnly" | "basic" | "full";
  enableRobustness?: boolean;
  storageBufferCacheMode?: BufferCacheMode;
  uniformBufferCacheMode?: BufferCacheMode;
  queryResolveBufferCacheMode?: BufferCacheMode;
  defaultBufferCacheMode?: BufferCacheMode;
  device?: GlobalType<"GPUDevice">;
}

export type WebNNExecutionProviderName = Provider<"webnn">;

export interface WebNNContextOptions {
  deviceType?: "cpu" | "gpu" | "npu";
  numThreads?: number;
  powerPreference?: "default" | "low-power" | "high-performance";
}

export interface WebNNOptionsWithoutMLContext extends WebNNExecutionProviderName, WebNNContextOptions {
  context?: never;
}

export interface WebNNOptionsWithMLContext
  extends
    WebNNExecutionProviderName,
    Omit<WebNNContextOptions, "deviceType">,
    Required<Pick<WebNNContextOptions, "deviceType">> {
  context: GlobalType<"MLContext">;
}

export interface WebNNOptionsWebGpu extends WebNNExecutionProviderName {
  context: GlobalType<"MLContext">;
  gpuDevice: GlobalType<"GPUDevice">;
}

export type WebNNExecutionProviderOption =
  WebNNOptionsWithoutMLContext | WebNNOptionsWithMLContext | WebNNOptionsWebGpu;

export interface QnnExecutionProviderOption extends Provider<"qnn"> {
  backendType?: string;
  backendPath?: string;
  enableFp16Precision?: boolean;
}

export interface CoreMLExecutionProviderOption extends Provider<"coreml"> {
  coreMlFlags?: number;
  useCPUOnly?: boolean;
  useCPUAndGPU?: boolean;
  enableOnSubgraph?: boolean;
  onlyEnableDeviceWithANE?: boolean;
}

export interface NnapiExecutionProviderOption extends Provider<"nnapi"> {
  useFP16?: boolean;
  useNCHW?: boolean;
  cpuDisabled?: boolean;
  cpuOnly?: boolean;
}

export interface ExecutionProviderOptionMap {
  coreml: CoreMLExecutionProviderOption;
  cpu: CpuExecutionProviderOption;
  cuda: CudaExecutionProviderOption;
  dml: DmlExecutionProviderOption;
  nnapi: NnapiExecutionProviderOption;
  tensorrt: TensorRtExecutionProviderOption;
  wasm: WebAssemblyExecutionProviderOption;
  webgl: WebGLExecutionProviderOption;
  webgpu: WebGpuExecutionProviderOption;
  webnn: WebNNExecutionProviderOption;
  qnn: QnnExecutionProviderOption;
  xnnpack: XnnpackExecutionProviderOption;
}

export type ExecutionProviderName = keyof ExecutionProviderOptionMap;
export type ExecutionProviderConfig =
  ExecutionProviderOptionMap[ExecutionProviderName] | ExecutionProviderOption | string;
